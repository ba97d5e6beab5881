/**
 * A gateway with one stream to which its client publishes, as a model: connections break before and
 * after a publish was stored, acks are late or lost, and it knows by whom each entry was stored.
 */
import type { Position } from '../../../client-sdk/src/wire.ts';
import type { FakeSocket, FakeWorld, Frame } from './fakes.ts';

interface Entry {
  /** That of the client. */
  readonly id: string;
  readonly data: unknown;
  readonly noEcho: boolean;
  /** Whoever stored it does not get it, if so asked. */
  readonly sender: FakeSocket;
}

interface Session {
  readonly socket: FakeSocket;
  /** Requests that were looked at. */
  read: number;
  /** Entries that were given to it; undefined: it is no member. */
  given: number | undefined;
}

const placeAt = (offset: number): Position => ({ epoch: 'e', offset, tag: offset });

export class PublishModel {
  /** Offsets are places in this list, counted from 1. */
  readonly entries: Entry[] = [];
  readonly #world: FakeWorld;
  readonly #sessions = new Map<FakeSocket, Session>();

  constructor(world: FakeWorld) {
    this.#world = world;
  }

  /**
   * Reads up to `count` requests of each socket. The acks of publishes come after what the members
   * are given meanwhile, for nothing says in which order acks come.
   */
  serve(count: number): void {
    const late: (() => void)[] = [];
    for (const session of this.#open()) {
      for (const request of this.#read(session, count)) {
        const answer = this.#execute(session, request);
        if (request['type'] === 'sendToGroup') late.push(() => session.socket.say(answer));
        else session.socket.say(answer);
      }
    }
    this.deliver();
    for (const answer of late) answer();
  }

  /** Reads and executes, and loses the answers together with the connection. */
  lose(count: number): void {
    for (const session of this.#open()) {
      const requests = this.#read(session, count);
      for (const request of requests) this.#execute(session, request);
      if (requests.length > 0) session.socket.shut();
    }
  }

  /** Gives the members what they have not got. */
  deliver(): void {
    for (const session of this.#open()) {
      if (session.given === undefined) continue;
      const { given, socket } = session;
      session.given = this.entries.length;
      for (const [index, entry] of this.entries.slice(given).entries()) {
        socket.say(this.#frameOf(entry, given + index + 1, socket));
      }
    }
  }

  #frameOf({ data, id, noEcho, sender }: Entry, offset: number, to: FakeSocket): Frame {
    const link = { group: 'g', offset, prev: offset - 1, tag: offset };
    if (noEcho && sender === to) return { type: 'skip', ...link };
    return { type: 'message', from: 'group', id: `c.${id}`, ...link, dataType: 'json', data };
  }

  #read(session: Session, count: number): readonly Frame[] {
    const requests = session.socket.sent.slice(session.read, session.read + count);
    session.read += requests.length;
    return requests;
  }

  #execute(session: Session, frame: Frame): Frame {
    const { ackId, data, id, noEcho = false, since, type } = frame;
    if (type === 'sendToGroup') {
      const entry = { id: String(id), data, noEcho: noEcho === true, sender: session.socket };
      if (!this.entries.some((each) => each.id === id)) this.entries.push(entry);
      const offset = this.entries.findIndex((each) => each.id === id) + 1;
      return {
        type: 'ack',
        ackId,
        success: true,
        id: `c.${String(id)}`,
        position: placeAt(offset),
      };
    }
    // A client sends a place back as it got it.
    const position = (since as Position | undefined) ?? placeAt(this.entries.length);
    session.given = position.offset;
    const recovered = since === undefined ? undefined : true;
    return { type: 'ack', ackId, success: true, position, recovered };
  }

  #open(): readonly Session[] {
    for (const socket of this.#world.sockets) {
      if (this.#sessions.has(socket) || socket.isOver) continue;
      this.#sessions.set(socket, { socket, read: 0, given: undefined });
      socket.greet();
    }
    return [...this.#sessions.values()].filter(({ socket }) => !socket.isOver);
  }
}
