/** Everything that this client follows, by destination. */
import type { Link } from './link.ts';
import type { Subscription } from './subscription.ts';
import { keyOf, type GatewayFrame } from './wire.ts';

/** What is to be asked for on every link: a subscription, or what a further part follows. */
export type Follower = Pick<Subscription, 'follow' | 'isSettledOn' | 'lose' | 'onFrame'> &
  Partial<Pick<Subscription, 'cursor'>>;

/** The key of who is at a destination; its messages are another matter. */
export function presenceKeyOf(destination: Parameters<typeof keyOf>[0]): string {
  return `presence ${keyOf(destination)}`;
}

export class Roster {
  readonly #followers = new Map<string, Follower>();

  /** False while it must not be asked for on this link yet. */
  readonly #mayFollow: (key: string, link: Link) => boolean;

  constructor(mayFollow: (key: string, link: Link) => boolean) {
    this.#mayFollow = mayFollow;
  }

  add(key: string, follower: Follower): void {
    this.#followers.set(key, follower);
  }

  remove(key: string): void {
    this.#followers.delete(key);
  }

  /** Of a destination's messages. */
  get(key: string): Subscription | undefined {
    // Under such a key there is nothing else.
    return this.find(key) as Subscription | undefined;
  }

  find(key: string): Follower | undefined {
    return this.#followers.get(key);
  }

  /** Asks for everything that does not follow on this link yet. */
  follow(link: Link, greeting?: GatewayFrame): void {
    for (const [key, follower] of this.#followers) {
      if (follower.isSettledOn(link)) continue;
      const mustWait = follower.cursor !== undefined && !this.#mayFollow(key, link);
      if (!mustWait) follower.follow(link, greeting);
    }
  }

  lose(link: Link): void {
    for (const follower of this.#followers.values()) follower.lose(link);
  }

  /** True when nothing is to be waited for on this link. */
  isSettledOn(link: Link): boolean {
    return [...this.#followers.values()].every((each) => each.isSettledOn(link));
  }

  onFrame(link: Link, frame: GatewayFrame): void {
    const { group, to, type } = frame;
    if (type === 'gap' && group === undefined && to === undefined) {
      for (const follower of this.#followers.values()) follower.onFrame(link, frame);
    } else {
      // A message to this connection alone has no destination of its own: it is the user's.
      const key = to === 'connection' ? 'user' : keyOf(frame);
      this.find(type === 'presence' ? presenceKeyOf(frame) : key)?.onFrame(link, frame);
    }
  }
}
