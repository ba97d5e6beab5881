/** What a client of the test gateway asks for, and the answers: section 4.2 of docs/PROTOCOL.md. */
import { toBase64 } from '../payload.ts';
import type { DataType, Position } from '../wire.ts';
import { messageFrame, whereOf } from './frames.ts';
import type { Place, TestHub } from './test-hub.ts';
import type { ClientState } from './test-presence.ts';
import type { TestSession } from './test-session.ts';
import type { TestStream } from './test-stream.ts';
import { claimsOf } from './test-token.ts';

/** An object of a client. Which properties there are depends on `type`. */
export interface Request {
  readonly type: string;
  readonly ackId?: number;
  readonly invocationId?: string;
  readonly group?: string;
  readonly to?: 'user' | 'all';
  readonly since?: Position;
  readonly after?: Position;
  readonly before?: number;
  readonly limit?: number;
  readonly reverse?: boolean;
  readonly id?: string;
  readonly event?: string;
  readonly dataType?: DataType;
  readonly data?: unknown;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly noEcho?: boolean;
  readonly ttlSeconds?: number;
  readonly token?: string;
  readonly state?: ClientState;
}

/** An event that a client has sent to the application's backend. */
export interface TestEvent {
  readonly event: string;
  /** As it is on the wire: bytes are in base64. */
  readonly data: unknown;
  readonly userId: string | undefined;
  readonly connectionId: string;
}

/** What it returns is the reply; what it throws refuses the event. */
export type OnTestEvent = (event: TestEvent) => unknown;

export interface RequestsOptions {
  readonly hub: TestHub;
  readonly session: TestSession;
  /** In ms since 1970. */
  readonly nowMs: () => number;
  /** Undefined: there is no backend. */
  readonly onEvent: OnTestEvent | undefined;
}

/** Of the gateway: so many messages unless the client says otherwise. */
const historyLimit = 100;

class Refusal extends Error {
  override readonly name: string;

  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

/** What travels of this payload, and its type. */
export function carried(data: unknown): { readonly dataType: DataType; readonly data: unknown } {
  if (data instanceof Uint8Array) return { dataType: 'binary', data: toBase64(data) };
  return { dataType: 'json', data };
}

export class Requests {
  readonly #options: RequestsOptions;

  constructor(options: RequestsOptions) {
    this.#options = options;
  }

  /** Answers where an answer is wanted: at once, unless it is an event's. */
  async take(request: Request): Promise<void> {
    try {
      const answer = this.#act(request);
      // What follows from a join must not come before its answer.
      this.#say(request, answer instanceof Promise ? ((await answer) as object) : answer);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { message, name } = error;
      this.#say(request, { success: false, error: { name, message } });
    }
  }

  /** The members of the answer; undefined: there is none, or it was given already. */
  #act(request: Request): object | undefined {
    const { session } = this.#options;
    switch (request.type) {
      case 'joinGroup':
        return this.#join(request, this.#groupOf(request, 'joinLeaveGroup'));
      case 'leaveGroup':
        session.leave(this.#groupOf(request, 'joinLeaveGroup').name);
        return { success: true };
      case 'resume':
        return this.#resume(request, this.#placeOf(request));
      case 'sendToGroup':
        return this.#publish(request, this.#groupOf(request, 'sendToGroup'));
      case 'history':
        return this.#history(request, this.#readable(request));
      case 'refreshToken':
        return this.#refresh(request);
      case 'watchPresence':
        this.#watch(request, this.#watchable(request));
        return undefined;
      case 'unwatchPresence':
        this.#options.hub.presence.unwatch(session, this.#watchable(request));
        return { success: true };
      case 'setState':
        return this.#setState(request);
      case 'event':
      case 'invoke':
        return this.#event(request);
      case 'ping':
        session.say({ type: 'pong' });
        return undefined;
      case 'cancelInvocation':
        return undefined;
      default:
        // As the gateway does with what is not in the protocol.
        session.end(1007, `The test gateway has no "${request.type}"`);
        return undefined;
    }
  }

  #say({ ackId, invocationId, type }: Request, answer: object | undefined): void {
    const { session } = this.#options;
    if (answer === undefined) return;
    if (type === 'invoke') session.say({ type: 'invokeResponse', invocationId, ...answer });
    else if (ackId !== undefined) session.say({ type: 'ack', ackId, ...answer });
  }

  #join(request: Request, place: Place): object | undefined {
    const { hub, session } = this.#options;
    session.join(place.name, request.state);
    const stream = hub.streamOf(place);
    if (request.since !== undefined) return this.#catchUp(request, place, stream);
    return { success: true, position: stream?.position };
  }

  #resume(request: Request, place: Place): object | undefined {
    const stream = this.#options.hub.streamOf(place);
    if (stream === undefined) throw new Refusal('BadRequest', 'The destination is no stream');
    return this.#catchUp(request, place, stream);
  }

  /** The answer comes before what was missed. */
  #catchUp(request: Request, place: Place, stream: TestStream | undefined): object | undefined {
    const { session } = this.#options;
    const { since } = request;
    const missed = since === undefined ? undefined : stream?.since(since);
    if (missed === undefined) {
      return { success: true, position: stream?.position, recovered: false };
    }
    this.#say(request, { success: true, position: since, recovered: true });
    for (const entry of missed) session.deliver(place, entry);
    return undefined;
  }

  /** The answer comes before who is there. */
  #watch(request: Request, place: Place): void {
    const { hub, session } = this.#options;
    if (!session.mayWatch(place)) {
      throw new Refusal('Forbidden', 'The connection may not watch who is there');
    }
    hub.presence.watch(session, place);
    this.#say(request, { success: true });
    hub.presence.tellAll(session, place);
  }

  #setState({ group = '', state }: Request): object {
    const { hub, session } = this.#options;
    const place = { kind: 'group', name: group } as const;
    if (hub.presence.setState(session, place, state)) return { success: true };
    throw new Refusal('BadRequest', `The connection is not in the group "${group}"`);
  }

  #publish(request: Request, place: Place): object {
    const { hub, nowMs, session } = this.#options;
    const { data, dataType = 'json', id, metadata, noEcho, ttlSeconds } = request;
    const { connectionId, userId } = session;
    // An id belongs to the user and the group.
    const scope = userId === undefined ? `connection ${connectionId}` : `user ${userId}`;
    const accepted = hub.publish(
      place,
      {
        ...{ data, dataType, metadata },
        fromUserId: userId ?? null,
        exceptConnectionId: noEcho === true ? connectionId : undefined,
        expiresAtMs: ttlSeconds === undefined ? Infinity : nowMs() + ttlSeconds * 1000,
      },
      id === undefined ? undefined : JSON.stringify([scope, place.name, id]),
    );
    return { success: true, ...accepted };
  }

  #history(request: Request, place: Place): object | undefined {
    const { hub, nowMs, session } = this.#options;
    const { ackId, limit = historyLimit } = request;
    const stream = hub.streamOf(place);
    if (stream === undefined) throw new Refusal('BadRequest', 'The destination is no stream');
    const range = stream.read({ ...request, limit });
    if (range === undefined) throw new Refusal('NotFound', 'The place is in another history');
    const { entries, hasMore, isComplete } = range;
    const last = entries.at(-1);
    const reader = { connectionId: session.connectionId, nowMs: nowMs() };
    const messages = entries
      .map((entry) => messageFrame(place, entry, reader))
      .filter((frame) => frame?.type === 'message');
    const next = hasMore && last !== undefined ? { next: stream.placeOf(last) } : {};
    const { position } = stream;
    const rest = { messages, isComplete, hasMore, position, ...next };
    session.say({ type: 'history', ackId, ...whereOf(place), ...rest });
    return undefined;
  }

  #refresh({ token = '' }: Request): object {
    const { session } = this.#options;
    const claims = claimsOf(token);
    if (claims === undefined) throw new Refusal('BadRequest', 'The token is none');
    if (claims.userId !== session.userId) {
      throw new Refusal('Forbidden', 'The new token is of another user');
    }
    session.renew(claims);
    return { success: true };
  }

  async #event({ data, event = '', type }: Request): Promise<object> {
    const { onEvent, session } = this.#options;
    if (onEvent === undefined) throw new Refusal('InvocationFailed', 'There is no backend');
    const { connectionId, userId } = session;
    try {
      const reply: unknown = await onEvent({ event, data, userId, connectionId });
      return type === 'invoke' ? { success: true, ...carried(reply ?? null) } : { success: true };
    } catch (error) {
      throw new Refusal('InvocationFailed', String(error));
    }
  }

  #groupOf({ group = '' }: Request, permission: string): Place {
    if (!this.#options.session.may(permission, group)) {
      throw new Refusal('Forbidden', `The token has no webpubsub.${permission} for "${group}"`);
    }
    return { kind: 'group', name: group };
  }

  #readable(request: Request): Place {
    const { group } = request;
    if (group === undefined) return this.#placeOf(request);
    const place: Place = { kind: 'group', name: group };
    return this.#options.session.isIn(place) ? place : this.#groupOf(request, 'joinLeaveGroup');
  }

  #watchable({ group }: Request): Place {
    return group === undefined ? { kind: 'all', name: '' } : { kind: 'group', name: group };
  }

  #placeOf({ to }: Request): Place {
    if (to === 'all') return { kind: 'all', name: '' };
    const { userId } = this.#options.session;
    if (userId === undefined) throw new Refusal('BadRequest', 'The connection has no user');
    return { kind: 'user', name: userId };
  }
}
