/**
 * A cluster, its clients and its publishers in simulated time, with faults by seed. The same seed
 * gives the same run, to the last frame.
 */
import { SeededRandom } from '../support/seeded-random.ts';
import { Histories } from './history.ts';
import { Scheduler } from './scheduler.ts';
import { SimBroker } from './sim-broker.ts';
import { SimClient } from './sim-client.ts';
import { SimNode } from './sim-node.ts';
import { Truth } from './truth.ts';

export interface WorldOptions {
  /** As on JetStream: one sequence for all streams. */
  readonly isShared: boolean;
  readonly messagesMax: number;
  readonly ageSeconds: number;
  readonly cacheBytes: number;
  /** True: the broker may come back with less than it had acknowledged. */
  readonly losesData: boolean;
  readonly durationMs: number;
}

export interface Outcome {
  readonly failures: readonly string[];
  readonly messages: number;
  readonly gaps: number;
  readonly recoveries: number;
  readonly published: number;
}

const hub = 'h';
const groups = ['g1', 'g2', 'g3'];
const clientCount = 6;
const nodeCount = 3;
const healMs = 15_000;
const failuresMax = 20;

export class World {
  readonly options: WorldOptions;
  readonly random: SeededRandom;
  readonly scheduler = new Scheduler();
  readonly histories: Histories;
  readonly broker: SimBroker;
  readonly truth: Truth;
  nodes: SimNode[] = [];
  readonly #clients: SimClient[] = [];
  #nodesMade = 0;
  #published = 0;
  #isFaulty = true;

  constructor(seed: number, options: WorldOptions) {
    this.options = options;
    this.random = new SeededRandom(seed);
    this.histories = new Histories({
      isShared: options.isShared,
      messagesMax: options.messagesMax,
      ageMsMax: options.ageSeconds * 1000,
      nowMs: () => this.scheduler.nowMs,
    });
    const { histories, random, scheduler } = this;
    this.broker = new SimBroker({ scheduler, random, histories, isShared: options.isShared });
    this.truth = new Truth(histories, () => this.scheduler.nowMs);
  }

  async run(): Promise<Outcome> {
    const { durationMs } = this.options;
    while (this.nodes.length < nodeCount) this.#addNode();
    await this.scheduler.run(this.scheduler.nowMs + 200);
    this.broker.lossPerMille = this.random.pick([0, 0, 5, 30]);
    this.broker.lostRepliesPerMille = this.random.pick([0, 0, 20]);
    for (let index = 0; index < clientCount; index += 1) {
      const own = groups.filter(() => this.random.below(3) > 0);
      const client = new SimClient(this, `c${index}`, own);
      this.#clients.push(client);
      client.connect();
    }
    this.#publishOn();
    this.#breakOn();
    const endMs = this.scheduler.nowMs + durationMs;
    const isHopeless = (): boolean => this.truth.failures.length > failuresMax;
    await this.scheduler.run(endMs, isHopeless);
    this.#heal();
    await this.scheduler.run(this.scheduler.nowMs + healMs, isHopeless);
    for (const client of this.#clients) this.truth.checkEnd(client);
    this.truth.checkLosses();
    const { failures, gaps, messages, recoveries } = this.truth;
    return { failures, gaps, messages, recoveries, published: this.#published };
  }

  #addNode(): void {
    this.#nodesMade += 1;
    const node = new SimNode(this, `n${this.#nodesMade}`);
    this.nodes.push(node);
    node.start().catch(() => {
      node.kill();
      this.nodes = this.nodes.filter((each) => each !== node);
      this.scheduler.after(300, () => this.#addNode());
    });
  }

  /** Bursts to a group or a user, through any node, again until it is acknowledged. */
  #publishOn(): void {
    const { random, scheduler } = this;
    if (!this.#isFaulty) return;
    const count = random.below(20) === 0 ? 30 : 1 + random.below(3);
    for (let index = 0; index < count; index += 1) {
      this.#published += 1;
      const isGroup = random.below(4) > 0;
      const to = isGroup
        ? ({ kind: 'group', name: random.pick(groups) } as const)
        : ({ kind: 'user', name: `c${random.below(clientCount)}` } as const);
      void this.#publish(to, `p${this.#published}`, random.below(10) === 0);
    }
    scheduler.after(random.below(120), () => this.#publishOn());
  }

  async #publish(
    to: { readonly kind: 'group' | 'user'; readonly name: string },
    id: string,
    hasExclusion: boolean,
  ): Promise<void> {
    const excluded = hasExclusion ? [this.random.pick(this.#clients).connectionId] : [];
    for (let tries = 0; tries < 50; tries += 1) {
      const node = this.nodes.find(({ clock, isAlive }) => isAlive && !clock.isAsleep);
      try {
        const payload = { dataType: 'json', bytes: Buffer.from(`"${id}"`) } as const;
        await node?.router.publish({ hub, to, payload, id, excluded });
        if (node !== undefined) return;
      } catch {
        // Unknown or refused: the same id again.
      }
      await this.scheduler.wait(100 + this.random.below(200));
    }
  }

  #breakOn(): void {
    if (!this.#isFaulty) return;
    this.scheduler.after(this.random.below(1500), () => {
      if (!this.#isFaulty) return;
      this.#fault();
      this.#breakOn();
    });
  }

  #fault(): void {
    const { random, scheduler } = this;
    const node = this.nodes[random.below(this.nodes.length)];
    if (node === undefined) return;
    const client = random.pick(this.#clients);
    switch (random.below(this.options.losesData ? 10 : 8)) {
      case 0:
        node.link.cut(random.below(1500));
        break;
      case 1:
        client.cut();
        break;
      case 2:
        for (const each of this.#clients) if (random.below(2) === 0) each.cut();
        break;
      case 3:
        this.#sleep(node, 200 + random.below(6000));
        break;
      case 4:
        this.#kill(node);
        break;
      case 5:
        client.setReading(false);
        scheduler.after(random.below(4000), () => client.setReading(true));
        break;
      case 6:
        this.broker.restart(random.below(2000), () => undefined);
        break;
      case 7:
        if (random.below(3) > 0) this.broker.restart(50, () => undefined);
        else this.#purgeOne();
        break;
      case 8:
        this.#loseData(this.histories.snapshot(), random.below(1000));
        break;
      default:
        this.#loseData(() => this.histories.wipe(), 0);
    }
  }

  #purgeOne(): void {
    const { keys } = this.histories;
    const key = keys[this.random.below(keys.length)];
    if (key !== undefined) this.histories.purge(key);
  }

  #sleep(node: SimNode, ms: number): void {
    if (node.clock.isAsleep) return;
    node.clock.sleep();
    this.scheduler.after(ms, () => node.clock.wake());
  }

  #kill(node: SimNode): void {
    if (!node.isAlive) return;
    node.kill();
    this.nodes = this.nodes.filter((each) => each !== node);
    for (const client of this.#clients) if (client.node === node) client.cut();
    this.scheduler.after(this.random.below(1000), () => this.#addNode());
  }

  /** Later, the broker comes back with what `restore` leaves of it. */
  #loseData(restore: () => void, laterMs: number): void {
    this.scheduler.after(laterMs, () => {
      if (!this.#isFaulty) return;
      for (const client of this.#clients) if (this.random.below(3) === 0) client.cut(3000);
      this.broker.restart(100 + this.random.below(500), () => {
        restore();
        this.truth.onLossOfData(this.#clients);
      });
    });
  }

  #heal(): void {
    this.#isFaulty = false;
    this.broker.lossPerMille = 0;
    this.broker.lostRepliesPerMille = 0;
    for (const node of this.nodes) if (node.clock.isAsleep) node.clock.wake();
    for (const client of this.#clients) client.setReading(true);
  }
}
