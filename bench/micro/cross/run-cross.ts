/** One run of user-to-user over two fresh servers, at one rate. */
import { setTimeout as delay } from 'node:timers/promises';
import { cpuBetween, readCpu, waitForQuiet } from '../cpu-window.ts';
import type { BenchOptions } from '../options.ts';
import { runGenerator } from '../generator.ts';
import { mergeSamples, percentile } from '../statistics.ts';
import { probeBroker } from './broker-probe.ts';
import type { CrossTarget } from './target.ts';

/** Above this share of its time the generator, not the servers, may be what is measured. */
export const generatorBusyShareMax = 0.7;

export interface CrossRun {
  readonly target: string;
  readonly rate: number;
  /** CPU seconds in the window: the server with the senders, the one with the receivers. */
  readonly senderCpuSeconds: number;
  readonly receiverCpuSeconds: number;
  readonly brokerCpuSeconds: number;
  readonly seconds: number;
  /** Messages delivered in the window. */
  readonly messages: number;
  readonly p50Us: number | undefined;
  readonly p99Us: number | undefined;
  /** Delivered of expected, when the run had ended and a grace had passed. */
  readonly complete: number;
  readonly wrong: number;
  readonly busyShare: number;
  /** What neither servers, broker nor generator used, in cores. */
  readonly othersCores: number;
  readonly isValid: boolean;
}

/** A run with its raw samples, which the report leaves out. */
export interface SampledCrossRun {
  readonly run: CrossRun;
  readonly samplesUs: Uint32Array;
  /** The broker's own round trip at the same rate, where it was asked for. */
  readonly brokerUs: Uint32Array;
}

/** For servers that just started to have met. */
const settleMs = 1000;
const drainSeconds = 2;
/** About what an envelope adds to the user's data. */
const envelopeBytes = 100;

/** @param withProbe Measures the broker's round trip too, after the run and through the same broker. */
export async function runCross(
  target: CrossTarget,
  rate: number,
  options: BenchOptions,
  withProbe = false,
): Promise<SampledCrossRun> {
  const { pairs, payloadBytes, warmupSeconds, windowSeconds } = options;
  const servers = await target.start(pairs);
  try {
    await delay(settleMs);
    await waitForQuiet(options.quietSecondsMax * 1000);
    let from = readCpu({});
    let to = from;
    const load = {
      ...servers.options,
      pid: servers.pids.map(String),
      grouped: true,
      groupSize: 1,
      connections: pairs,
      publishers: pairs,
      // Every message is parsed, timed and ticked off.
      sampled: pairs,
      rate,
      payload: payloadBytes,
      warmup: warmupSeconds,
      duration: windowSeconds,
      drain: drainSeconds,
      limit: 60,
    };
    const result = await runGenerator(load, {
      onMeasuring: () => {
        from = readCpu({});
      },
      onMeasured: () => {
        to = readCpu({});
      },
    });
    const ownCpuSeconds = result.serverCpuSeconds + result.ownCpuSeconds;
    const { othersCores } = cpuBetween(from, to);
    if (result.failed > 0) {
      const count = String(result.failed);
      throw new Error(`${count} connections to ${target.name} failed: ${result.firstFailure}`);
    }
    const [senderCpuSeconds = 0, receiverCpuSeconds = 0, brokerCpuSeconds = 0] =
      result.cpuSecondsByPid;
    const sorted = mergeSamples([result.samplesUs]);
    const run: CrossRun = {
      target: target.name,
      rate,
      senderCpuSeconds,
      receiverCpuSeconds,
      brokerCpuSeconds,
      seconds: result.seconds,
      messages: result.framesInWindow,
      p50Us: percentile(sorted, 0.5),
      p99Us: percentile(sorted, 0.99),
      complete: result.delivered / result.expected,
      wrong: result.duplicates + result.outOfOrder + result.misdelivered + result.unstamped,
      busyShare: result.busyShare,
      othersCores: Math.max(0, othersCores - ownCpuSeconds / result.seconds),
      isValid: result.busyShare <= generatorBusyShareMax,
    };
    const bytes = payloadBytes + envelopeBytes;
    const probe = { url: servers.brokerUrl, rate, bytes, warmupSeconds, windowSeconds };
    if (withProbe) await waitForQuiet(options.quietSecondsMax * 1000);
    const brokerUs = withProbe ? await probeBroker(probe) : new Uint32Array();
    return { run, samplesUs: sorted, brokerUs };
  } finally {
    await servers.stop();
  }
}
