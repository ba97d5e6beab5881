/** One run of the loss test with clients of the Azure SDK in groups that are no streams. */
import { setTimeout as sleep } from 'node:timers/promises';
import { SeededRandom } from '../support/seeded-random.ts';
import { waitFor } from '../support/wait.ts';
import { azureVerdictOf, fatalFault, type AzurePublication } from './azure-checker.ts';
import type { AzureVerdict } from './azure-checker.ts';
import { AzureFollower } from './azure-follower.ts';
import { AzureSender, clientWay, restWay, type AzureWay } from './azure-sender.ts';
import { faultsOf, shuffledForEver, type Fault, type FaultWindow } from './faults.ts';
import { LossCluster } from './loss-cluster.ts';
import type { LossOptions } from './loss-run.ts';
import { countersOf } from './node-watch.ts';

/** Those of the native run that make sense here. */
export type AzureLossOptions = Pick<
  LossOptions,
  'backplane' | 'seconds' | 'rate' | 'clients' | 'seed' | 'faults' | 'isShort' | 'say'
>;

export interface AzureLossResult {
  readonly options: AzureLossOptions;
  readonly verdict: AzureVerdict;
  readonly windows: readonly FaultWindow[];
  readonly publications: readonly AzurePublication[];
  readonly counters: ReadonlyMap<string, number>;
  /** From the end of the faults until every client had everything, in ms. */
  readonly catchUpMs: number;
  readonly deaths: readonly string[];
}

/** What a connection survives. */
const ordinaryFaults = ['rolling-restart', 'cut-clients', 'delay-clients', 'swallow-clients'];
const nodes = 3;
const groups = Array.from({ length: 12 }, (_, index) => `live.${index}`);
const groupsPerClient = 3;
const socketSenders = 3;
const drainSpreadMsShort = 1000;
const drainSpreadMsLong = 3000;
const pauseMsMin = 500;
const pauseMsMax = 2000;
const shortPauseMs = 300;
const settleMsMax = 40_000;
const pollMs = 100;
/** So long a probe may take where all are there. */
const probeMsMax = 2000;

/** @throws Error when it cannot be carried out; a loss is no error but a verdict. */
export async function runAzureLoss(options: AzureLossOptions): Promise<AzureLossResult> {
  for (const name of options.faults ?? []) {
    if (name === fatalFault || ordinaryFaults.includes(name)) continue;
    const known = [...ordinaryFaults, fatalFault].join(', ');
    throw new Error(`--faults with --client azure must be some of ${known}, got "${name}"`);
  }
  const run = new AzureLossRun(options);
  try {
    return await run.run();
  } finally {
    await run.stop();
  }
}

class AzureLossRun {
  readonly #options: AzureLossOptions;
  readonly #random: SeededRandom;
  readonly #publications: AzurePublication[] = [];
  readonly #windows: FaultWindow[] = [];
  #followers: readonly AzureFollower[] = [];
  /** Those by REST first, one for each node. */
  #senders: readonly AzureSender[] = [];
  /** Sends only when it is asked to. */
  #prober: AzureSender | undefined;
  #cluster: LossCluster | undefined;

  constructor(options: AzureLossOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed);
  }

  async run(): Promise<AzureLossResult> {
    const { backplane, isShort, say } = this.#options;
    const drainSpreadMs = isShort ? drainSpreadMsShort : drainSpreadMsLong;
    const cluster = await LossCluster.start({ broker: backplane, nodes, drainSpreadMs });
    this.#cluster = cluster;
    this.#followers = Array.from(
      { length: this.#options.clients },
      (_, index) => new AzureFollower(`u${index}`, this.#chooseGroups(), cluster.door),
    );
    await Promise.all(this.#followers.map((follower) => follower.start()));
    say(`${this.#followers.length} clients of the SDK are in their groups`);
    this.#senders = this.#createSenders(cluster);
    this.#prober = this.#createProber(cluster);
    await Promise.all(this.#senders.map((sender) => sender.start()));
    await this.#breakThings(cluster);
    const healedAt = Date.now();
    await cluster.heal();
    await Promise.all(this.#senders.map((sender) => sender.finish()));
    await this.#catchUp();
    const catchUpMs = Date.now() - healedAt;
    await this.#sendLast();
    await this.#catchUp();
    return {
      options: this.#options,
      verdict: this.#verdict(),
      windows: this.#windows,
      publications: this.#publications,
      counters: await countersOf(cluster.nodes, 'trunkline_reliable'),
      catchUpMs,
      deaths: cluster.deaths,
    };
  }

  async stop(): Promise<void> {
    // While the cluster stands: a client that cannot connect cannot be stopped.
    const ends = [
      ...this.#followers,
      ...this.#senders,
      ...(this.#prober ? [this.#prober] : []),
    ].map((each) => each.stop());
    const outcomes = await Promise.allSettled(ends);
    await this.#cluster?.stop();
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') this.#options.say(String(outcome.reason));
    }
  }

  #chooseGroups(): readonly string[] {
    const chosen = new Set<string>();
    while (chosen.size < groupsPerClient) chosen.add(this.#random.pick(groups));
    return [...chosen];
  }

  #createSenders({ accessKey, door, nodes }: LossCluster): readonly AzureSender[] {
    const ways: (readonly [name: string, way: AzureWay])[] = [
      ...nodes.map(({ url }, index) => [`rest${index}`, restWay(url, accessKey)] as const),
      ...Array.from({ length: socketSenders }, (_, index) => {
        return [`socket${index}`, clientWay(door, `socket${index}`)] as const;
      }),
    ];
    const periodMs = (1000 * ways.length) / this.#options.rate;
    return ways.map(([name, way]) => {
      const random = new SeededRandom(this.#random.below(2 ** 32));
      return new AzureSender({
        name,
        way,
        groups,
        periodMs,
        random,
        publications: this.#publications,
      });
    });
  }

  #createProber({ accessKey, nodes: [node] }: LossCluster): AzureSender {
    return new AzureSender({
      name: 'probe',
      way: restWay(node?.url ?? '', accessKey),
      groups,
      periodMs: pollMs,
      random: new SeededRandom(0),
      publications: this.#publications,
    });
  }

  /** Resolves when every client gets what is sent to its groups: only then a kill can be judged. */
  async #allServed(): Promise<void> {
    const prober = this.#prober;
    if (prober === undefined) return;
    const isServed = async (): Promise<boolean> => {
      const ids = new Map<string, string>();
      for (const group of groups) ids.set(group, (await prober.send(group)).id);
      const has = (one: AzureFollower): boolean =>
        one.groups.every((group) => one.has(ids.get(group) ?? ''));
      const all = (): boolean => this.#followers.every((one) => has(one));
      const what = 'all clients get a message';
      return waitFor(all, { what, deadlineMs: probeMsMax }).then(
        () => true,
        () => false,
      );
    };
    await waitFor(isServed, { what: 'all clients are served', deadlineMs: settleMsMax });
  }

  async #breakThings(cluster: LossCluster): Promise<void> {
    const { isShort, seconds } = this.#options;
    const faults = faultsOf(cluster, this.#options.faults ?? ordinaryFaults);
    const endsAt = Date.now() + seconds * 1000;
    let left = isShort ? faults.length : Infinity;
    for (const fault of shuffledForEver(faults, this.#random)) {
      const pauseMs = pauseMsMin + this.#random.below(pauseMsMax - pauseMsMin);
      await sleep(isShort ? shortPauseMs : pauseMs);
      if (left === 0 || (!isShort && Date.now() >= endsAt)) break;
      left -= 1;
      await this.#breakOnce(cluster, fault);
    }
  }

  async #breakOnce(cluster: LossCluster, { name, run }: Fault): Promise<void> {
    const { isShort, say } = this.#options;
    if (name === fatalFault) await this.#allServed();
    const from = Date.now();
    await run({ cluster, farms: [], random: this.#random, isShort });
    const until = Date.now();
    this.#windows.push({ name, from, until });
    say(`${name}: ${((until - from) / 1000).toFixed(1)} s`);
    // Whom the next fault meets on its way back, it would break for the wrong reason.
    if (name === fatalFault) await this.#allServed();
  }

  /** Waits until nothing is missing any more; the checker tells what is. */
  async #catchUp(): Promise<void> {
    const hasAll = async (): Promise<boolean> => {
      await sleep(pollMs);
      const isBack = this.#followers.every(({ breaks }) =>
        breaks.every(({ backAt }) => backAt !== undefined),
      );
      return isBack && this.#verdict().counts.lost === 0;
    };
    await waitFor(hasAll, { what: 'all have everything', deadlineMs: settleMsMax }).catch(
      (error: unknown) => this.#options.say(`${String(error)}: see the examples`),
    );
  }

  /** What would come twice or late comes before these. */
  async #sendLast(): Promise<void> {
    for (const sender of this.#senders.slice(0, nodes)) {
      for (const group of groups) {
        const isSent = async (): Promise<boolean> =>
          (await sender.send(group)).ackedAt !== undefined;
        const what = `the last message to ${group} is acknowledged`;
        await waitFor(isSent, { what, deadlineMs: settleMsMax });
      }
    }
  }

  #verdict(): AzureVerdict {
    return azureVerdictOf({
      publications: this.#publications,
      followers: this.#followers,
      windows: this.#windows,
    });
  }
}
