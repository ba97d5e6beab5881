/** The jitter test: every client is cut for 2 s every 15 s. What arrives in the end, and when? */
import { setTimeout as delay } from 'node:timers/promises';
import { ChildServer, findPort } from '../../micro/child-server.ts';
import { mergeSamples, percentile } from '../../micro/statistics.ts';
import { readCpuSeconds } from '../../micro/proc.ts';
import { offlineUntil, type CutPlan } from './cut-plan.ts';
import { addressOfClient, CuttingProxy } from './cutting-proxy.ts';
import type { JitterTarget, RunningClient } from './jitter-target.ts';
import { openPublisher, readStamp } from './publisher.ts';

export interface JitterOptions {
  /** At most 250: one process of Node.js runs all of them, and the proxy. */
  readonly clients: number;
  readonly rate: number;
  readonly seconds: number;
  readonly periodMs: number;
  readonly offlineMs: number;
  readonly payloadBytes: number;
}

export interface JitterRun {
  readonly target: string;
  readonly recovers: string;
  readonly clients: number;
  readonly published: number;
  readonly expected: number;
  readonly delivered: number;
  readonly duplicates: number;
  readonly outOfOrder: number;
  readonly cuts: number;
  /** From the moment a message was due to its receipt: a cut is part of it. */
  readonly p50Us: number | undefined;
  readonly p99Us: number | undefined;
  /** The same, of messages that were due during a cut counted from its end. */
  readonly recoverableP99Us: number | undefined;
  readonly serverCpuSeconds: number;
  /** Of the process that runs clients and proxy, of one core. */
  readonly driverShare: number;
}

export interface SampledJitterRun {
  readonly run: JitterRun;
  readonly samplesUs: Uint32Array;
}

/** Who is back may take so long to catch up. */
const drainMsMax = 10_000;
const readyMsMax = 20_000;

/** Ticks off what one client gets. */
export class JitterTally {
  readonly latencyUs: number[] = [];
  readonly recoverableUs: number[] = [];
  duplicates = 0;
  outOfOrder = 0;
  readonly #seen = new Set<number>();
  #newest = -1;

  /** @param endOfCutMs when the cut ended in which the message was due; undefined: it was not in one */
  take(n: number, dueMs: number, atMs: number, endOfCutMs: number | undefined): void {
    if (this.#seen.has(n)) {
      this.duplicates++;
      return;
    }
    this.#seen.add(n);
    if (n < this.#newest) this.outOfOrder++;
    this.#newest = Math.max(this.#newest, n);
    this.latencyUs.push(Math.max(0, Math.round((atMs - dueMs) * 1000)));
    const possibleMs = endOfCutMs ?? dueMs;
    this.recoverableUs.push(Math.max(0, Math.round((atMs - possibleMs) * 1000)));
  }

  get delivered(): number {
    return this.#seen.size;
  }
}

export async function runJitter(
  target: JitterTarget,
  options: JitterOptions,
): Promise<SampledJitterRun> {
  const server = await ChildServer.start(target.command(await findPort()));
  const untilMs = options.seconds * 1000;
  const plan: CutPlan = { ...options, untilMs };
  const proxy = new CuttingProxy(plan, server.port);
  const clients: RunningClient[] = [];
  try {
    const port = await proxy.listen();
    const tallies = Array.from({ length: options.clients }, () => new JitterTally());
    const clock = { startMs: 0 };
    for (const [number, tally] of tallies.entries()) {
      const address = addressOfClient(number);
      const onText = (text: string): void => {
        const stamp = readStamp(text);
        if (stamp === undefined) return;
        const end = offlineUntil(plan, number, stamp.dueMs - clock.startMs);
        const endOfCutMs = end === undefined ? undefined : end + clock.startMs;
        tally.take(stamp.n, stamp.dueMs, performance.now(), endOfCutMs);
      };
      clients.push(target.client({ address, number, onText, port, serverPort: server.port }));
    }
    await within(Promise.all(clients.map(({ ready }) => ready)), `clients of ${target.name}`);
    const publisher = await openPublisher(target.publisher(server.port), server.port);
    const cpuBefore = readCpuSeconds(server.pid);
    const ownBefore = process.cpuUsage();
    clock.startMs = performance.now();
    proxy.start();
    const published = await publisher.publish(options);
    await settle(tallies, published);
    const seconds = (performance.now() - clock.startMs) / 1000;
    const own = process.cpuUsage(ownBefore);
    publisher.close();
    const figures = {
      published,
      cuts: proxy.cuts,
      serverCpuSeconds: readCpuSeconds(server.pid) - cpuBefore,
      driverShare: (own.user + own.system) / 1e6 / seconds,
    };
    return sumUp(target, tallies, figures);
  } finally {
    for (const client of clients) client.close();
    await proxy.close();
    await server.stop();
  }
}

function sumUp(
  { name, recovers }: JitterTarget,
  tallies: readonly JitterTally[],
  figures: Pick<JitterRun, 'published' | 'cuts' | 'serverCpuSeconds' | 'driverShare'>,
): SampledJitterRun {
  const sum = (pick: (tally: JitterTally) => number): number =>
    tallies.reduce((total, tally) => total + pick(tally), 0);
  const samplesUs = mergeSamples(tallies.map(({ latencyUs }) => Uint32Array.from(latencyUs)));
  const recoverable = mergeSamples(
    tallies.map(({ recoverableUs }) => Uint32Array.from(recoverableUs)),
  );
  const run: JitterRun = {
    target: name,
    recovers,
    clients: tallies.length,
    ...figures,
    expected: figures.published * tallies.length,
    delivered: sum((tally) => tally.delivered),
    duplicates: sum((tally) => tally.duplicates),
    outOfOrder: sum((tally) => tally.outOfOrder),
    p50Us: percentile(samplesUs, 0.5),
    p99Us: percentile(samplesUs, 0.99),
    recoverableP99Us: percentile(recoverable, 0.99),
  };
  return { run, samplesUs };
}

async function settle(tallies: readonly JitterTally[], published: number): Promise<void> {
  const deadline = performance.now() + drainMsMax;
  while (performance.now() < deadline) {
    if (tallies.every(({ delivered }) => delivered >= published)) return;
    await delay(50);
  }
}

async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  const limit = new AbortController();
  const late = delay(readyMsMax, undefined, { signal: limit.signal }).then(() => {
    throw new Error(`not all ${what} were ready in ${String(readyMsMax)} ms`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    limit.abort();
    late.catch(() => undefined);
  }
}
