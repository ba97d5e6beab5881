/** One node of the simulated cluster: the real router on simulated links. */
import { defaultLimits } from '../../gateway/limits.ts';
import { DestinationRules } from '../../gateway/router/destination-rules.ts';
import { Router } from '../../gateway/router/router.ts';
import { ProcessClock } from './scheduler.ts';
import { SimLink } from './sim-broker.ts';
import type { World } from './world.ts';

export class SimNode {
  readonly nodeId: string;
  readonly clock: ProcessClock;
  readonly link: SimLink;
  readonly router: Router;
  isAlive = false;

  constructor(world: World, nodeId: string) {
    const { options, random, scheduler } = world;
    this.nodeId = nodeId;
    this.clock = new ProcessClock(scheduler);
    this.link = new SimLink(world.broker, this.clock);
    this.router = new Router({
      nodeId,
      backplane: this.link,
      store: this.link,
      clock: this.clock,
      rules: new DestinationRules({
        hubs: {
          h: {
            anonymous: false,
            streams: [
              { match: 'group:**', retention: 'r' },
              { match: 'user:**', retention: 'r' },
            ],
            slowConsumers: [],
          },
        },
        retention: {
          r: { messages: options.messagesMax, seconds: options.ageSeconds, bytes: 1_000_000 },
        },
      }),
      limits: {
        ...defaultLimits,
        streamCacheBytesPerDestinationMax: options.cacheBytes,
        ringBytesPerDestinationMax: 64 * 1024,
        interestLingerMs: 300,
        congestedMsMax: 3000,
      },
      random: () => random.below(1_000_000) / 1_000_000,
      onError: (error) => world.truth.failures.push(`${nodeId}: ${String(error)}`),
    });
  }

  async start(): Promise<void> {
    await this.router.start();
    this.isAlive = true;
  }

  /** The process is killed: nothing of it happens any more. */
  kill(): void {
    this.isAlive = false;
    this.clock.die();
    void this.link.close();
  }
}
