/** Everything that this client follows, by destination. */
import type { Link } from './link.ts';
import type { Subscription } from './subscription.ts';
import { keyOf, type GatewayFrame } from './wire.ts';

export class Roster {
  readonly #subscriptions = new Map<string, Subscription>();

  /** False while it must not be asked for on this link yet. */
  readonly #mayFollow: (key: string, link: Link) => boolean;

  constructor(mayFollow: (key: string, link: Link) => boolean) {
    this.#mayFollow = mayFollow;
  }

  add(key: string, subscription: Subscription): void {
    this.#subscriptions.set(key, subscription);
  }

  remove(key: string): void {
    this.#subscriptions.delete(key);
  }

  get(key: string): Subscription | undefined {
    return this.#subscriptions.get(key);
  }

  /** Asks for everything that does not follow on this link yet. */
  follow(link: Link, greeting?: GatewayFrame): void {
    for (const [key, subscription] of this.#subscriptions) {
      if (subscription.isSettledOn(link)) continue;
      const mustWait = subscription.cursor !== undefined && !this.#mayFollow(key, link);
      if (!mustWait) subscription.follow(link, greeting);
    }
  }

  lose(link: Link): void {
    for (const subscription of this.#subscriptions.values()) subscription.lose(link);
  }

  /** True when nothing is to be waited for on this link. */
  isSettledOn(link: Link): boolean {
    return [...this.#subscriptions.values()].every((each) => each.isSettledOn(link));
  }

  onFrame(link: Link, frame: GatewayFrame): void {
    const { group, to, type } = frame;
    if (type === 'gap' && group === undefined && to === undefined) {
      for (const subscription of this.#subscriptions.values()) subscription.onFrame(link, frame);
    } else {
      // A message to this connection alone has no destination of its own: it is the user's.
      const key = to === 'connection' ? 'user' : keyOf(frame);
      this.#subscriptions.get(key)?.onFrame(link, frame);
    }
  }
}
