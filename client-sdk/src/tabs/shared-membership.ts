/**
 * One destination that several tabs follow over one connection. Each tab has its own cursor; the
 * connection is where the one begins that is furthest behind, and the others ignore what they have.
 */
import type { Step } from '../cursor.ts';
import type { ClientFrame, Destination, GatewayFrame, Position } from '../wire.ts';
import { resumeCode } from './notes.ts';
import type { TabPort } from './tab-port.ts';

export interface SharedMembershipOptions {
  readonly destination: Destination;
  /** Asks the gateway; the answer is the first thing of what follows from it. */
  readonly ask: (request: ClientFrame, onAnswer: (answer: GatewayFrame) => void) => void;
  /** No tab needs it any more. */
  readonly onUnused: () => void;
}

/** A tab that wants to follow. */
interface Join {
  readonly port: TabPort;
  readonly since: Position | undefined;
  readonly state: unknown;
  /** Undefined: the tab does not know that it has to begin anew. */
  readonly onAnswer: ((answer: GatewayFrame) => void) | undefined;
  /** The gateway must say whether there still is such a place. */
  readonly isDoubtful: boolean;
}

/** What a tab may leave unsaid until its own publish is answered. */
const heldMax = 1000;

export class SharedMembership {
  readonly #options: SharedMembershipOptions;
  /** They get what comes. */
  readonly #members = new Set<TabPort>();
  #waiting: Join[] = [];
  #asked: Join | undefined;
  /** False: who is asked for has left meanwhile. */
  #isAskedWanted = false;
  /** The gateway has confirmed that the connection is a member, and nothing is missing since. */
  #isSound = false;
  #isKnown = false;
  /** Everything up to here was sent on to the members; undefined: no stream. */
  #place: Position | undefined;
  /**
   * Members that are further on than the connection, which went back for somebody. It must come to
   * where they are, and soon: else the stream may have another history now, and they are asked for.
   */
  readonly #ahead = new Map<TabPort, Position>();
  /** Tabs whose own publishes must not come before their answers. */
  readonly #holds = new Map<TabPort, { count: number; lines: string[] }>();

  constructor(options: SharedMembershipOptions) {
    this.#options = options;
  }

  /** Whether it is a stream is known. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  get isStream(): boolean {
    return this.#place !== undefined;
  }

  /** Where a tab begins that has no cursor. */
  get end(): Position | undefined {
    let end = this.#place;
    for (const place of this.#ahead.values()) if (isBehind(end, place)) end = place;
    return end;
  }

  /** The connection is a member by itself; what comes follows the place, where it is a stream. */
  begin(place: Position | undefined): void {
    this.#isSound = true;
    this.#isKnown = true;
    this.#place = place;
  }

  /** A tab that begins at `end`. */
  admit(port: TabPort): void {
    this.#admitAt(port, this.end);
  }

  join(request: Omit<Join, 'isDoubtful'>): void {
    const join = { ...request, isDoubtful: false };
    const { port } = join;
    this.#forget(port);
    // What was held came before the answer: the tab must not see it after it.
    const held = this.#holds.get(port);
    if (held !== undefined) held.lines = [];
    this.#waiting.push(join);
    this.#next();
  }

  /** The tab has left, or is gone. */
  leave(port: TabPort): void {
    this.#forget(port);
    this.#holds.delete(port);
    this.#endIfUnused();
  }

  /** A message, skip, bookmark or gap of this destination. */
  onFrame(frame: GatewayFrame, line: string): void {
    const { offset, position, prev, tag, type } = frame;
    // Until the answer nobody knows what it follows; it comes again.
    if (this.#asked?.since !== undefined && this.#place !== undefined) return;
    if (position !== undefined && type === 'gap') {
      this.#ahead.clear();
      this.#place = position;
    } else if (position !== undefined) this.#moveTo(position);
    else if (offset !== undefined && tag !== undefined) this.#step({ offset, prev, tag });
    for (const port of this.#members) this.#deliver(port, line);
    this.#next();
  }

  /** Nothing has come for a while: the connection should have come to where its members are. */
  onIdle(): void {
    if (this.#asked !== undefined) return;
    for (const [port, own] of this.#ahead) this.#park(port, own, true);
    this.#next();
  }

  /** Gives everybody but one tab what the gateway has left out for the whole connection. */
  echo(frame: GatewayFrame, except: TabPort): void {
    const line = JSON.stringify(frame);
    for (const port of this.#members) if (port !== except) this.#deliver(port, line);
  }

  /** Keeps what comes from this tab until `release`; may be called several times. */
  hold(port: TabPort): void {
    const held = this.#holds.get(port);
    if (held === undefined) this.#holds.set(port, { count: 1, lines: [] });
    else held.count += 1;
  }

  /** To be called after the answer was said. */
  release(port: TabPort): void {
    const held = this.#holds.get(port);
    if (held === undefined) return;
    held.count -= 1;
    if (held.count > 0) return;
    this.#holds.delete(port);
    for (const line of held.lines) port.sayLine(line);
  }

  #deliver(port: TabPort, line: string): void {
    const held = this.#holds.get(port);
    if (held === undefined) port.sayLine(line);
    else if (held.lines.length < heldMax) held.lines.push(line);
    else port.close(resumeCode, 'A publish of this tab is not answered');
  }

  #step({ offset, prev, tag }: Step): void {
    const place = this.#place;
    if (place === undefined || offset <= place.offset) return;
    if (prev !== undefined && prev > place.offset) {
      // The tabs that it is one for see it, too, and ask from their cursors.
      this.#isSound = false;
      for (const [port, own] of this.#ahead) this.#park(port, own);
    } else this.#moveTo({ epoch: place.epoch, offset, tag });
  }

  #moveTo(position: Position): void {
    const place = this.#place;
    if (place === undefined || !isUpTo(place, position)) return;
    this.#place = position;
    for (const [port, own] of this.#ahead) {
      if (isBehind(position, own)) continue;
      this.#ahead.delete(port);
      if (!isSame(position, own)) this.#park(port, own);
    }
  }

  #admitAt(port: TabPort, place: Position | undefined): void {
    this.#members.add(port);
    if (place !== undefined && isBehind(this.#place, place)) this.#ahead.set(port, place);
  }

  #endIfUnused(): void {
    const isUsed = this.#members.size + this.#waiting.length > 0 || this.#isAskedWanted;
    if (!isUsed) this.#options.onUnused();
  }

  #forget(port: TabPort): void {
    this.#members.delete(port);
    this.#ahead.delete(port);
    if (this.#asked?.port === port) this.#isAskedWanted = false;
    this.#waiting = this.#waiting.filter((each) => each.port !== port);
  }

  /** Lets in who needs nothing of the gateway, and asks for the one that is furthest behind. */
  #next(): void {
    if (this.#asked !== undefined) return;
    if (this.#isSound) this.#serveWaiting();
    const [first, ...others] = this.#waiting;
    if (first === undefined) return;
    const join = others.reduce(
      (lowest, each) => (isBehind(each.since, lowest.since) ? each : lowest),
      first,
    );
    this.#waiting = this.#waiting.filter((each) => each !== join);
    this.#ask(join);
  }

  #serveWaiting(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const join of waiting) {
      const { onAnswer, port, since, state } = join;
      const isThere = isSame(this.#place, since) || isBehind(this.#place, since);
      if (join.isDoubtful || (since !== undefined && !isThere)) {
        this.#waiting.push(join);
        continue;
      }
      const position = since ?? this.end;
      // Whoever is further on follows at once; whether it is right shows when the connection is there.
      this.#admitAt(port, position);
      const recovered = since === undefined ? undefined : true;
      onAnswer?.({ type: 'ack', success: true, ...only({ position, recovered }) });
      this.#setState(state);
    }
  }

  #ask(join: Join): void {
    const { ask, destination } = this.#options;
    const { since, state } = join;
    const request: ClientFrame =
      'group' in destination
        ? { type: 'joinGroup', ...destination, since, state }
        : { type: 'resume', ...destination, since };
    this.#asked = join;
    this.#isAskedWanted = true;
    ask(request, (answer) => {
      const isWanted = this.#isAskedWanted;
      this.#asked = undefined;
      this.#isAskedWanted = false;
      if (answer.success === true) this.#onJoined(join, answer, isWanted);
      else this.#onRefused(join, answer, isWanted);
      this.#next();
      this.#endIfUnused();
    });
  }

  /** The connection has one state for all tabs: the last one counts. */
  #setState(state: unknown): void {
    const { ask, destination } = this.#options;
    if (state === undefined) return;
    ask({ type: 'setState', ...destination, state }, () => undefined);
  }

  #onJoined(join: Join, answer: GatewayFrame, isWanted: boolean): void {
    const before = this.#place;
    const others = [...this.#members];
    const isFirst = !this.#isKnown || others.length === 0;
    const isRecovered = join.since !== undefined && answer.recovered === true;
    const place = isRecovered ? join.since : answer.position;
    this.#isSound = true;
    this.#isKnown = true;
    this.#place = place;
    // Who is further on ignores what it has; for who is not, it does not begin here.
    const isForAll = place === undefined ? before === undefined : isUpTo(place, before);
    if (!isFirst) {
      for (const port of others) {
        const own = this.#ahead.get(port) ?? before;
        if (!isForAll) this.#park(port, own);
        else if (own !== undefined && !isSame(place, own)) this.#ahead.set(port, own);
      }
    }
    if (!isWanted) return;
    this.#members.add(join.port);
    if (join.onAnswer !== undefined) join.onAnswer(answer);
    else if (!isRecovered) this.#tellGap(join, answer.position);
  }

  #onRefused(join: Join, answer: GatewayFrame, isWanted: boolean): void {
    const isPassing = answer.error?.name === 'InternalServerError';
    if (join.since !== undefined) this.#beginAnew(isPassing);
    if (isWanted) {
      if (join.onAnswer === undefined) join.port.close(resumeCode, 'It must be joined again');
      else join.onAnswer(answer);
      // The connection is a member of its user and its hub all the same.
      if (!isPassing && 'to' in this.#options.destination) this.#members.add(join.port);
    }
  }

  /** What came for the members meanwhile was left out, or they are none any more. */
  #beginAnew(isLater: boolean): void {
    const members = [...this.#members];
    if (this.#place === undefined || members.length === 0) return;
    this.#isSound = false;
    for (const port of members) {
      // A client waits before it asks again.
      if (isLater) port.close(resumeCode, 'It must be joined again');
      else this.#park(port, this.#ahead.get(port) ?? this.#place);
    }
  }

  /** What comes does not follow what this member has: it must be asked for. */
  #park(port: TabPort, since: Position | undefined, isDoubtful = false): void {
    this.#members.delete(port);
    this.#ahead.delete(port);
    const join = { port, since, state: undefined, onAnswer: undefined, isDoubtful };
    if (since !== undefined) this.#waiting.push(join);
    else {
      this.#members.add(port);
      this.#tellGap(join, this.#place);
    }
  }

  #tellGap({ port, since }: Join, position: Position | undefined): void {
    const { destination } = this.#options;
    const places = only({ from: since, position });
    port.say({ type: 'gap', ...destination, reason: 'retention', ...places });
  }
}

function isSame(a: Position | undefined, b: Position | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.epoch === b.epoch && a.offset === b.offset && a.tag === b.tag;
}

/** Who is at `b` gets everything when the connection is at `a`. */
function isUpTo(a: Position, b: Position | undefined): boolean {
  return b !== undefined && a.epoch === b.epoch && (a.offset < b.offset || isSame(a, b));
}

function isBehind(a: Position | undefined, b: Position | undefined): boolean {
  return a !== undefined && b !== undefined && a.epoch === b.epoch && a.offset < b.offset;
}

/** Without what is undefined: the types tell a missing property from one that is undefined. */
function only<T extends object>(properties: T): { [Name in keyof T]?: NonNullable<T[Name]> } {
  const given = Object.entries(properties).filter(([, value]) => value !== undefined);
  // The same properties, fewer.
  return Object.fromEntries(given) as { [Name in keyof T]?: NonNullable<T[Name]> };
}
