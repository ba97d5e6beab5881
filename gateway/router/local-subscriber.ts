/**
 * A connection of this node as the router holds it. There may be a million of these: fields only,
 * no collections, no closures.
 */
import type { Codec, Frame } from '../protocol/codec.ts';
import type { Socket } from '../transport/transport.ts';
import type { Congestion } from './congestion.ts';
import type { Subscriber, SubscriberOptions, SubscriberOwner } from './ports.ts';
import type { Membership, Target } from './target.ts';

export class LocalSubscriber implements Subscriber {
  readonly hub: string;
  readonly connectionId: string;
  readonly userId: string | undefined;
  readonly codec: Codec;
  readonly socket: Socket;
  readonly owner: SubscriberOwner;
  /** Number of the codec's encoder in the router's table. */
  readonly encoderIndex: number;
  readonly #congestion: Congestion;
  /** Head of the list of memberships. */
  first: Membership | undefined = undefined;
  /** False once it is removed from everything. Owned by Members. */
  isAttached = true;
  /** Place of its frames among the batches of the turn; -1: none. Owned by Fanout. */
  batchIndex = -1;
  /** Monotonic ms since when the kernel takes nothing; 0: not congested. Owned by Congestion. */
  stalledSinceMs = 0;

  constructor(options: SubscriberOptions, encoderIndex: number, congestion: Congestion) {
    this.hub = options.hub;
    this.connectionId = options.connectionId;
    this.userId = options.userId;
    this.codec = options.codec;
    this.socket = options.socket;
    this.owner = options.owner;
    this.encoderIndex = encoderIndex;
    this.#congestion = congestion;
  }

  /** True: it is not to be written; rings keep what it will need. */
  get isCongested(): boolean {
    return this.stalledSinceMs !== 0;
  }

  get subprotocol(): string | undefined {
    return this.codec.subprotocol;
  }

  sendReply(frame: Frame): void {
    const outcome = this.socket.send(frame);
    if (outcome === 'buffered' && !this.isCongested) this.#congestion.begin(this);
  }

  onDrain(): void {
    this.#congestion.onDrain(this);
  }

  /** Its membership in a target; undefined when it is no member. */
  membershipOf(target: Target): Membership | undefined {
    let membership = this.first;
    while (membership !== undefined && membership.target !== target) membership = membership.next;
    return membership;
  }

  /** Puts a new membership into the subscriber's list. */
  link(membership: Membership): void {
    membership.next = this.first;
    this.first = membership;
  }

  /** Takes a membership out of the subscriber's list. */
  unlink(membership: Membership): void {
    if (this.first === membership) {
      this.first = membership.next;
      return;
    }
    let before = this.first;
    while (before !== undefined && before.next !== membership) before = before.next;
    if (before !== undefined) before.next = membership.next;
  }

  /** Live: take a copy before groups are left. */
  *groupNames(): Iterable<string> {
    for (let at = this.first; at !== undefined; at = at.next) {
      if (at.target.kind === 'group') yield at.target.name;
    }
  }

  groupCount(): number {
    let count = 0;
    for (let at = this.first; at !== undefined; at = at.next) {
      if (at.target.kind === 'group') count += 1;
    }
    return count;
  }

  isInGroup(name: string): boolean {
    for (let at = this.first; at !== undefined; at = at.next) {
      if (at.target.kind === 'group' && at.target.name === name) return true;
    }
    return false;
  }
}
