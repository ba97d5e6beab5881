/**
 * Publishes that must not come back to the tab that sends them. The gateway leaves them out for a
 * whole connection, and the other tabs want them; so a stream brings them to all, and the sender
 * knows its own by the answer, which it is given first. On a live destination, where messages have no
 * id, the gateway leaves them out, and the other tabs are given a copy.
 */
import type { ClientFrame, GatewayFrame } from '../wire.ts';
import type { SharedMembership } from './shared-membership.ts';
import type { TabPort } from './tab-port.ts';

export interface OwnPublishesOptions {
  readonly ask: (request: ClientFrame, onAnswer: (answer: GatewayFrame) => void) => void;
  readonly membershipOf: (key: string) => SharedMembership | undefined;
  readonly userId: () => string | null;
}

export interface OwnPublish {
  readonly port: TabPort;
  /** Of the group. */
  readonly key: string;
  readonly request: ClientFrame;
  readonly answer: (frame: GatewayFrame) => void;
}

export class OwnPublishes {
  readonly #options: OwnPublishesOptions;
  /** Until it is known whether the group is a stream. */
  readonly #waiting = new Map<string, OwnPublish[]>();
  /** Without an answer, by group. */
  readonly #open = new Map<string, number>();
  /** Joins that must see how those end. */
  readonly #joins = new Map<string, (() => void)[]>();

  constructor(options: OwnPublishesOptions) {
    this.#options = options;
  }

  publish(own: OwnPublish): void {
    const { key, request } = own;
    const waiting = this.#waiting.get(key);
    const membership = this.#options.membershipOf(key);
    const isKnown = membership === undefined || membership.isKnown;
    // What was sent later must not overtake it.
    if (waiting !== undefined) waiting.push(own);
    else if (request['noEcho'] !== true) this.#options.ask(request, own.answer);
    else if (isKnown) this.#send(own, membership);
    else this.#waiting.set(key, [own]);
  }

  /** Calls back when no own publish to a group that the connection is not in is on its way. */
  afterOwn(key: string, callback: () => void): void {
    const isJoined = this.#options.membershipOf(key) !== undefined;
    if (isJoined || (this.#open.get(key) ?? 0) === 0) return callback();
    this.#joins.set(key, [...(this.#joins.get(key) ?? []), callback]);
  }

  /** The gateway has answered a join, or nobody wants to join any more. */
  onJoined(key: string): void {
    const membership = this.#options.membershipOf(key);
    const waiting = this.#waiting.get(key);
    if (waiting === undefined || membership?.isKnown === false) return;
    this.#waiting.delete(key);
    for (const own of waiting) this.publish(own);
  }

  #send(own: OwnPublish, membership: SharedMembership | undefined): void {
    const { answer, key, port, request } = own;
    const isStream = membership?.isStream === true;
    this.#open.set(key, (this.#open.get(key) ?? 0) + 1);
    if (isStream) membership.hold(port);
    this.#options.ask(isStream ? { ...request, noEcho: undefined } : request, (frame) => {
      answer(frame);
      if (isStream) membership.release(port);
      else if (frame.success === true) this.#copy(own);
      this.#close(key);
    });
  }

  #copy({ key, port, request }: OwnPublish): void {
    // The properties of a publish that a message has, too: docs/PROTOCOL.md section 4.3.
    const { data, dataType, group, metadata } = request as ClientFrame & GatewayFrame;
    const content = { data, ...(dataType !== undefined && { dataType }) };
    const origin = { from: 'group', fromUserId: this.#options.userId() };
    const copy = { type: 'message', ...(group !== undefined && { group }), ...origin, ...content };
    const membership = this.#options.membershipOf(key);
    membership?.echo({ ...copy, ...(metadata !== undefined && { metadata }) }, port);
  }

  #close(key: string): void {
    const open = (this.#open.get(key) ?? 0) - 1;
    if (open > 0) {
      this.#open.set(key, open);
      return;
    }
    this.#open.delete(key);
    const joins = this.#joins.get(key) ?? [];
    this.#joins.delete(key);
    for (const join of joins) join();
  }
}
