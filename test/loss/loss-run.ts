/** One run of the loss test: a cluster, its clients and publishers, faults, and the verdict. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { SeededRandom } from '../support/seeded-random.ts';
import { waitFor } from '../support/wait.ts';
import type { BrokerName } from './brokers.ts';
import { FarmProcess } from './farm-process.ts';
import { dataFaultsOf, faultsOf, shuffledForEver, type FaultWindow } from './faults.ts';
import { LossChecker, type LossVerdict } from './loss-checker.ts';
import { LossCluster } from './loss-cluster.ts';
import { countersOf, NodeWatch } from './node-watch.ts';
import type { LossPublication } from './publication.ts';
import { readRecording } from './recording.ts';
import { RestPublisher } from './rest-publisher.ts';
import { SocketPublisher } from './socket-publisher.ts';
import { readHistory, type StreamHistory } from './stream-history.ts';
import { ToldChecker } from './told-checker.ts';
import { Traffic } from './traffic.ts';

export interface LossOptions {
  readonly backplane: BrokerName;
  /** How long faults go on. */
  readonly seconds: number;
  /** Publications in a second. */
  readonly rate: number;
  readonly clients: number;
  readonly seed: number;
  /** `loss`: nothing may be lost. `data`: the broker loses what it acknowledged, and it is told. */
  readonly scenario: 'loss' | 'data';
  /** Names of faults; undefined: all that this cluster can have. */
  readonly faults?: readonly string[] | undefined;
  /** Each fault once and no more, and long ones kept short. */
  readonly isShort: boolean;
  /** Processes that the clients are spread over. */
  readonly processes: number;
  readonly say: (line: string) => void;
}

export interface LossResult {
  readonly options: LossOptions;
  readonly verdict: LossVerdict;
  readonly windows: readonly FaultWindow[];
  readonly publications: readonly LossPublication[];
  /** Of each node, in bytes. */
  readonly peaks: readonly number[];
  readonly counters: ReadonlyMap<string, number>;
  /** From the end of the faults until every client had everything, in ms. */
  readonly catchUpMs: number;
  /** Longest time in ms that the clients' event loops were late. */
  readonly lateMsMax: number;
  /** The same of this process, with its proxies and publishers. */
  readonly ownLateMsMax: number;
  readonly deaths: readonly string[];
  readonly folder: string;
}

const nodes = 3;
const nanosecondsPerMs = 1e6;
const groupsCount = 60;
const groupsPerClient = 3;
const publishersEach = 5;
const followMsMax = 60_000;
const settleMsMax = 90_000;
const startsPerSecond = 200;
/** Between faults; a short run has less. */
const pauseMsMin = 1000;
const pauseMsMax = 3000;
const shortPauseMs = 500;
const pollMs = 250;
/** Idle streams are checked more often than that. */
const noticeMs = 6000;
const drainSpreadMsShort = 1000;
const drainSpreadMsLong = 3000;

/** @throws Error when it cannot be carried out; a loss is no error but a verdict. */
export async function runLoss(options: LossOptions): Promise<LossResult> {
  const run = new LossRun(options);
  try {
    return await run.run();
  } finally {
    await run.stop();
  }
}

/** Removes the recordings of a run that nobody needs to look into. */
export function dropRecordings({ folder }: LossResult): void {
  rmSync(folder, { recursive: true, force: true });
}

class LossRun {
  readonly #options: LossOptions;
  readonly #random: SeededRandom;
  readonly #folder = mkdtempSync(join(tmpdir(), 'trunkline-loss-'));
  readonly #windows: FaultWindow[] = [];
  readonly #groups: readonly string[];
  readonly #users: readonly string[];
  #farms: readonly FarmProcess[] = [];
  #cluster: LossCluster | undefined;
  #traffic: Traffic | undefined;
  #watch: NodeWatch | undefined;
  readonly #ownDelay = monitorEventLoopDelay({ resolution: 20 });
  #lateMsMax = 0;
  #ownLateMsMax = 0;

  constructor(options: LossOptions) {
    this.#options = options;
    this.#ownDelay.enable();
    this.#random = new SeededRandom(options.seed);
    this.#groups = Array.from({ length: groupsCount }, (_, index) => `room.${index}`);
    this.#users = Array.from({ length: options.clients }, (_, index) => `u${index}`);
  }

  async run(): Promise<LossResult> {
    const { backplane, isShort, say } = this.#options;
    const drainSpreadMs = isShort ? drainSpreadMsShort : drainSpreadMsLong;
    const cluster = await LossCluster.start({ broker: backplane, nodes, drainSpreadMs });
    this.#cluster = cluster;
    this.#watch = new NodeWatch(cluster.nodes);
    this.#farms = this.#startClients(cluster);
    await this.#follow();
    say(`${this.#options.clients} clients follow their streams`);
    const traffic = this.#startTraffic(cluster);
    this.#traffic = traffic;
    await this.#breakThings(cluster);
    const healedAt = Date.now();
    await cluster.heal();
    await traffic.finish(settleMsMax);
    say(`${traffic.publications.length} publications are acknowledged`);
    const histories = await this.#readHistories(cluster);
    say(`${histories.length} histories are read`);
    await this.#catchUp(histories);
    // Who is of another history than the stream may look as if it were at the top.
    if (this.#options.scenario === 'data') await sleep(noticeMs);
    const catchUpMs = Date.now() - healedAt;
    const counters = await countersOf(cluster.nodes, 'trunkline_stream');
    this.#watch.look();
    await Promise.all(this.#farms.map((farm) => farm.stop()));
    return {
      options: this.#options,
      verdict: await this.#check(histories, traffic.publications),
      windows: this.#windows,
      publications: traffic.publications,
      peaks: this.#watch.peaks,
      counters,
      catchUpMs,
      lateMsMax: this.#lateMsMax,
      ownLateMsMax: this.#ownLateMsMax,
      deaths: cluster.deaths,
      folder: this.#folder,
    };
  }

  async stop(): Promise<void> {
    this.#watch?.stop();
    this.#ownDelay.disable();
    this.#traffic?.stop();
    await Promise.all(this.#farms.map((farm) => farm.kill()));
    await this.#cluster?.stop();
  }

  #startClients(cluster: LossCluster): readonly FarmProcess[] {
    const { processes } = this.#options;
    const clients = this.#users.map((userId) => ({ userId, groups: this.#chooseGroups() }));
    return Array.from({ length: processes }, (_, index) => {
      return new FarmProcess({
        recording: join(this.#folder, `clients-${index}.jsonl`),
        door: cluster.door,
        clients: clients.filter((_, place) => place % processes === index),
        startsPerSecond: Math.ceil(startsPerSecond / processes),
      });
    });
  }

  #chooseGroups(): readonly string[] {
    const chosen = new Set<string>();
    while (chosen.size < groupsPerClient) chosen.add(this.#random.pick(this.#groups));
    return [...chosen];
  }

  async #follow(): Promise<void> {
    const isComplete = async (): Promise<boolean> => {
      await sleep(pollMs);
      const reports = await this.#reports();
      return reports.reduce((sum, { following }) => sum + following, 0) >= this.#users.length;
    };
    await waitFor(isComplete, { what: 'all clients follow', deadlineMs: followMsMax });
  }

  async #reports() {
    const reports = await Promise.all(this.#farms.map((farm) => farm.report()));
    this.#lateMsMax = Math.max(this.#lateMsMax, ...reports.map(({ lateMsMax }) => lateMsMax));
    this.#ownLateMsMax = Math.max(this.#ownLateMsMax, this.#ownDelay.max / nanosecondsPerMs);
    return reports;
  }

  #startTraffic(cluster: LossCluster): Traffic {
    const { accessKey, door } = cluster;
    const urls = [cluster.url, ...cluster.nodes.map(({ url }) => url)];
    const names = (kind: string): string[] =>
      Array.from({ length: publishersEach }, (_, index) => `${kind}${index}`);
    const random = new SeededRandom(this.#random.below(2 ** 32));
    const traffic = new Traffic({
      rest: names('rest').map((name) => new RestPublisher({ name, urls, accessKey, random })),
      sockets: names('socket').map((name) => new SocketPublisher({ name, door })),
      groups: this.#groups,
      users: this.#users,
      rate: this.#options.rate,
      random,
    });
    traffic.start();
    return traffic;
  }

  async #breakThings(cluster: LossCluster): Promise<void> {
    const { faults: names, isShort, say, scenario, seconds } = this.#options;
    const scene = { cluster, farms: this.#farms, random: this.#random, isShort };
    const faults = scenario === 'data' ? dataFaultsOf(cluster, names) : faultsOf(cluster, names);
    const endsAt = Date.now() + seconds * 1000;
    let left = isShort ? faults.length : Infinity;
    for (const fault of shuffledForEver(faults, this.#random)) {
      const pauseMs = pauseMsMin + this.#random.below(pauseMsMax - pauseMsMin);
      await sleep(isShort ? shortPauseMs : pauseMs);
      if (left === 0 || (!isShort && Date.now() >= endsAt)) break;
      left -= 1;
      const from = Date.now();
      await fault.run(scene);
      const until = Date.now();
      this.#windows.push({ name: fault.name, from, until });
      say(`${fault.name}: ${((until - from) / 1000).toFixed(1)} s`);
      await this.#reports();
    }
  }

  async #readHistories(cluster: LossCluster): Promise<readonly StreamHistory[]> {
    const streams = [
      ...this.#groups.map((group) => `group:${group}`),
      ...this.#users.map((user) => `user:${user}`),
    ];
    const histories: StreamHistory[] = [];
    const access = { url: cluster.url, accessKey: cluster.accessKey };
    for (const stream of streams) {
      let why = 'nothing';
      const read = (): Promise<StreamHistory | undefined> =>
        readHistory(access, cluster.url, stream).catch((error: unknown) => {
          why = String(error);
          return undefined;
        });
      // A broker that has just come back may need its time.
      const what = `the history of ${stream} can be read`;
      const history = waitFor(read, { what, deadlineMs: settleMsMax });
      histories.push(
        await history.catch((cause: unknown) => {
          throw new Error(`${String(cause)}; the last answer: ${why}`, { cause });
        }),
      );
    }
    return histories;
  }

  /** Waits until every client is at the top of its streams; the checker tells who is not. */
  async #catchUp(histories: readonly StreamHistory[]): Promise<void> {
    const tops = new Map(
      histories.map(({ entries, epoch, stream }) => [
        stream,
        { epoch, offset: entries.at(-1)?.offset ?? 0 },
      ]),
    );
    const isAtTop = async (): Promise<boolean> => {
      await sleep(pollMs);
      const lowest = (await this.#reports()).flatMap((report) => report.lowest);
      return lowest.every(([stream, epoch, offset]) => {
        const top = tops.get(stream);
        return top !== undefined && epoch === top.epoch && offset >= top.offset;
      });
    };
    await waitFor(isAtTop, { what: 'all are at the top', deadlineMs: settleMsMax }).catch(() => {
      this.#options.say('not all clients are at the top of their streams: see the examples');
    });
  }

  async #check(
    histories: readonly StreamHistory[],
    publications: readonly LossPublication[],
  ): Promise<LossVerdict> {
    const write = (name: string, value: unknown): void =>
      writeFileSync(join(this.#folder, name), JSON.stringify(value));
    write('publications.json', publications);
    write('histories.json', histories);
    write('faults.json', this.#windows);
    const Checker = this.#options.scenario === 'data' ? ToldChecker : LossChecker;
    const checker = new Checker({ publications, histories, windows: this.#windows });
    for (const { recording } of this.#farms) {
      for await (const event of readRecording(recording)) checker.take(event);
    }
    return checker.finish(this.#users.length * (groupsPerClient + 1));
  }
}
