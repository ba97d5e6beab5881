/**
 * A gateway with one stream, as a model: it resends, skips, leaves out, trims, forgets and gives up
 * connections, always within docs/PROTOCOL.md, and knows what an application must have seen.
 */
import assert from 'node:assert/strict';
import type { Group } from '../../../client-sdk/src/group.ts';
import type { Position } from '../../../client-sdk/src/wire.ts';
import type { FakeSocket, FakeWorld, Frame } from './fakes.ts';

interface Entry {
  readonly offset: number;
  readonly tag: number;
  readonly data: number;
  readonly isSkip: boolean;
}

/** What the gateway knows of one socket. */
interface Session {
  readonly socket: FakeSocket;
  /** Requests that were looked at. */
  read: number;
  /** Given to this socket up to here; undefined: it is no member. */
  given: number | undefined;
}

/** An application that is watched. */
interface Watch {
  /** It has everything up to here; undefined: it has not begun. */
  seen: Position | undefined;
  /** Gaps that the gateway has told of, and the application was not. */
  gaps: number;
}

const isPosition = (value: unknown): value is Position =>
  typeof value === 'object' && value !== null;

export class StreamModel {
  readonly #world: FakeWorld;
  readonly #sessions = new Map<FakeSocket, Session>();
  #entries: Entry[] = [];
  #epoch = 'e0';
  #retainedFrom = 0;
  #published = 0;
  readonly #watches = new Set<Watch>();

  constructor(world: FakeWorld) {
    this.#world = world;
  }

  /**
   * Holds everything that an application is given to what it must be given. Returns a function that
   * ends that.
   */
  watch(group: Group): () => void {
    const watch: Watch = { seen: undefined, gaps: 0 };
    this.#watches.add(watch);
    group.on('gap', ({ position }) => {
      watch.gaps -= 1;
      assert.ok(watch.gaps >= 0, 'the gateway has told of no such gap');
      watch.seen = position;
    });
    group.on('state', ({ reason }) => {
      if (reason === 'joined') watch.seen = group.position;
    });
    group.on('message', ({ data, position }) => {
      const { seen } = watch;
      assert.ok(seen !== undefined && this.#knows(seen), 'it goes on in another history');
      assert.equal(data, this.#after(seen)?.data);
      watch.seen = position;
    });
    return () => this.#watches.delete(watch);
  }

  /** True when every application has everything. */
  get isComplete(): boolean {
    return [...this.#watches].every(
      ({ seen }) => seen !== undefined && this.#after(seen) === undefined,
    );
  }

  #tellGap(): void {
    for (const watch of this.#watches) watch.gaps += 1;
  }

  /** The next entry that an application must be given. */
  #after(place: Position): Entry | undefined {
    return this.#entries.find(({ isSkip, offset }) => !isSkip && offset > place.offset);
  }

  publish(step: number, isSkip: boolean): void {
    this.#published += 1;
    const offset = this.#end + step;
    this.#entries.push({ offset, tag: this.#published, data: this.#published, isSkip });
  }

  /** Gives every member what it has not got; `leaveOut` of it is lost on the way, if it is not last. */
  give(leaveOut: number, withPrev: boolean): void {
    for (const session of this.#open()) {
      if (session.given === undefined) continue;
      const missing = this.#entries.filter(({ offset }) => offset > (session.given ?? 0));
      const from = Math.min(leaveOut, Math.max(0, missing.length - 1));
      session.given = this.#end;
      // A prev may be missing only where nothing is.
      this.#say(session.socket, missing.slice(from), withPrev || from > 0);
    }
  }

  /** Gives everybody what they have already got, or, who is no member, what they must ignore. */
  repeat(count: number): void {
    for (const { given, socket } of this.#open()) {
      const old = this.#entries.filter(({ offset }) => offset <= (given ?? Infinity));
      this.#say(socket, old.slice(-count), true);
    }
  }

  /** Of the end, or an old one that must be ignored. */
  bookmark(isOld: boolean): void {
    const end = this.#place(this.#end);
    const old = [
      this.#place(this.#entries[0]?.offset ?? 0),
      { ...end, offset: end.offset + 1, epoch: 'gone' },
    ];
    for (const { given, socket } of this.#open()) {
      if (given !== this.#end) continue;
      for (const position of isOld ? old : [end]) {
        socket.say({ type: 'bookmark', group: 'g', position });
      }
    }
  }

  /** Retention takes all but the newest. */
  trim(keep: number): void {
    this.#retainedFrom = this.#entries.at(-keep - 1)?.offset ?? this.#retainedFrom;
    for (const session of this.#open()) {
      if (session.given !== undefined && session.given < this.#retainedFrom) {
        this.#jump(session, 'retention', this.#retainedFrom);
      }
    }
  }

  /** The broker loses the newest entries, and may come back as another one. */
  diverge(lost: number, epoch: string | undefined): void {
    const kept = this.#entries.slice(0, Math.max(0, this.#entries.length - lost));
    this.#entries = kept;
    this.#retainedFrom = Math.min(this.#retainedFrom, this.#end);
    this.#epoch = epoch ?? this.#epoch;
    for (const session of this.#open()) {
      const { given } = session;
      if (given !== undefined && (given > this.#end || epoch !== undefined)) {
        this.#jump(session, 'diverged', Math.min(given, this.#end));
      }
    }
  }

  /** Answers what was asked, or says that it cannot now. */
  answer(isAble: boolean): void {
    for (const session of this.#open()) {
      const frames = session.socket.sent.slice(session.read);
      session.read = session.socket.sent.length;
      for (const frame of frames) this.#reply(session, frame, isAble);
    }
  }

  #reply(session: Session, { ackId, since, type }: Frame, isAble: boolean): void {
    if (type !== 'joinGroup') return;
    const { socket } = session;
    session.given = undefined;
    if (!isAble) {
      const error = { name: 'InternalServerError', message: 'not now' };
      return socket.say({ type: 'ack', ackId, success: false, error });
    }
    const isRecovered = isPosition(since) && this.#has(since);
    session.given = isRecovered ? since.offset : this.#end;
    const recovered = isPosition(since) ? isRecovered : undefined;
    if (recovered === false) this.#tellGap();
    const position = isRecovered ? since : this.#place(this.#end);
    socket.say({ type: 'ack', ackId, success: true, position, recovered });
  }

  #has(place: Position): boolean {
    return this.#knows(place) && place.offset >= this.#retainedFrom;
  }

  /** The place is in this history. */
  #knows({ epoch, offset, tag }: Position): boolean {
    return epoch === this.#epoch && offset <= this.#end && this.#place(offset).tag === tag;
  }

  #jump(session: Session, reason: string, offset: number): void {
    session.given = offset;
    this.#tellGap();
    session.socket.say({ type: 'gap', group: 'g', reason, position: this.#place(offset) });
  }

  #say(socket: FakeSocket, entries: readonly Entry[], withPrev: boolean): void {
    const frames = entries.map(({ data, isSkip, offset, tag }) => {
      const prev = this.#entries.findLast((each) => each.offset < offset)?.offset ?? 0;
      const link = { group: 'g', offset, tag, ...(withPrev && { prev }) };
      if (isSkip) return { type: 'skip', ...link };
      return { type: 'message', from: 'group', ...link, dataType: 'json', data };
    });
    if (frames.length > 0) socket.say(...frames);
  }

  #place(offset: number): Position {
    const entry = this.#entries.findLast((each) => each.offset <= offset);
    return { epoch: this.#epoch, offset, tag: entry?.tag ?? 0 };
  }

  get #end(): number {
    return this.#entries.at(-1)?.offset ?? 0;
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
