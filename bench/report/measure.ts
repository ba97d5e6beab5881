/** Runs of the benchmarks as measurements of a report. */
import { runCross, type SampledCrossRun } from '../micro/cross/run-cross.ts';
import type { CrossTarget } from '../micro/cross/target.ts';
import type { BenchOptions } from '../micro/options.ts';
import { runAccept } from '../micro/scenarios/accept.ts';
import { runBroker, type BrokerRun } from '../micro/scenarios/brokers.ts';
import { runFanout } from '../micro/scenarios/fanout.ts';
import { runIdle } from '../micro/scenarios/idle.ts';
import type { Target } from '../micro/target.ts';
import type { JitterTarget } from '../peers/jitter/jitter-target.ts';
import { runJitter, type JitterOptions } from '../peers/jitter/run-jitter.ts';
import { known, type Measurement } from './data.ts';
import { toHistogram } from './histogram.ts';

const generatorBusy = 'the generator was busy above 70 %';

export async function measureFanout(
  row: string,
  target: Target,
  rate: number,
  options: BenchOptions,
): Promise<Measurement> {
  const { run, samplesUs } = await runFanout(target, rate, options);
  return {
    row,
    target: target.name,
    params: { rate, subscribers: options.subscribers, payloadBytes: options.payloadBytes },
    values: known({
      cpuShare: run.cpuShare,
      serverCpuSeconds: run.serverCpuSeconds,
      deliveries: run.framesInWindow,
      bytes: run.bytesInWindow,
      writes: run.writes,
      complete: run.complete,
      busyShare: run.busyShare,
    }),
    latency: toHistogram(samplesUs),
    invalid: run.isValid ? [] : [generatorBusy],
  };
}

export async function measureIdle(target: Target, connections: number): Promise<Measurement> {
  const { target: name, ...values } = await runIdle(target, connections);
  return { row: 'idle', target: name, params: { connections }, values: known(values), invalid: [] };
}

export async function measureAccept(target: Target, connections: number): Promise<Measurement> {
  const { target: name, busyShare, ...values } = await runAccept(target, connections);
  return {
    row: 'accept',
    target: name,
    params: { connections },
    values: known({ ...values, busyShare }),
    // A generator at its limit makes the server idle, not dearer: the figure per CPU-second stays.
    invalid: [],
  };
}

/** @param withProbe the broker's own round trip at the same rate, too, as a measurement of its own */
export async function measureCross(
  row: string,
  target: CrossTarget,
  how: { readonly rate: number; readonly options: BenchOptions; readonly withProbe: boolean },
): Promise<readonly Measurement[]> {
  const { options, rate, withProbe } = how;
  const sampled = await runCross(target, rate, options, withProbe);
  const params = { rate, pairs: options.pairs, payloadBytes: options.payloadBytes };
  const whole = crossMeasurement(row, sampled, params);
  if (!withProbe) return [whole];
  const probe: Measurement = {
    row: `${row}-broker`,
    target: target.name,
    params,
    values: {},
    latency: toHistogram(sampled.brokerUs),
    invalid: whole.invalid,
  };
  return [whole, probe];
}

function crossMeasurement(
  row: string,
  { run, samplesUs }: SampledCrossRun,
  params: Measurement['params'],
): Measurement {
  return {
    row,
    target: run.target,
    params,
    values: known({
      nodesCpuSeconds: run.senderCpuSeconds + run.receiverCpuSeconds,
      brokerCpuSeconds: run.brokerCpuSeconds,
      messages: run.messages,
      seconds: run.seconds,
      complete: run.complete,
      wrong: run.wrong,
      busyShare: run.busyShare,
      othersCores: run.othersCores,
    }),
    latency: toHistogram(samplesUs),
    invalid: run.isValid ? [] : [generatorBusy],
  };
}

export async function measureJitter(
  target: JitterTarget,
  options: JitterOptions,
): Promise<Measurement> {
  const { run, samplesUs } = await runJitter(target, options);
  return {
    row: 'jitter',
    target: run.target,
    params: { clients: run.clients, rate: options.rate, periodMs: options.periodMs },
    values: known({
      published: run.published,
      expected: run.expected,
      delivered: run.delivered,
      duplicates: run.duplicates,
      outOfOrder: run.outOfOrder,
      cuts: run.cuts,
      recoverableP99Us: run.recoverableP99Us,
      serverCpuSeconds: run.serverCpuSeconds,
      driverShare: run.driverShare,
    }),
    latency: toHistogram(samplesUs),
    invalid: run.driverShare > 0.7 ? ['the process of the clients was busy above 70 %'] : [],
  };
}

export async function measureBroker(
  broker: BrokerRun['broker'],
  receivers: number,
  options: BenchOptions,
): Promise<Measurement> {
  const run = await runBroker(broker, receivers, options);
  const { complete, rate, share, usPerPublish } = run;
  return {
    row: 'broker',
    target: broker,
    params: { receivers, rate },
    values: known({ complete, share, usPerPublish }),
    invalid: complete > 0.999 ? [] : ['not all was delivered'],
  };
}
