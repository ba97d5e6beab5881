/** What a broker itself costs per message and per node that gets it. */
import { brokerOf } from '../../cluster/broker.ts';
import { Guard } from '../../cluster/guard.ts';
import { findPort } from '../child-server.ts';
import { loadBroker } from '../cross/raw-broker.ts';
import type { BenchOptions } from '../options.ts';
import type { Progress, Section } from '../report.ts';
import { formatNumber, formatShare, formatTable } from '../table.ts';

const kinds = ['redis', 'nats'] as const;
const receiverCounts = [1, 4, 16] as const;
/** Messages in and out of the broker per second. */
const trafficPerSecond = 60_000;

export interface BrokerRun {
  readonly broker: (typeof kinds)[number];
  readonly receivers: number;
  readonly rate: number;
  readonly usPerPublish: number;
  readonly share: number;
  readonly complete: number;
}

export async function measureBrokers(options: BenchOptions, progress: Progress): Promise<Section> {
  const runs: BrokerRun[] = [];
  for (let repeat = 0; repeat < options.repeats; repeat++) {
    for (const broker of kinds) {
      for (const receivers of receiverCounts) {
        const run = await runBroker(broker, receivers, options);
        runs.push(run);
        progress(
          `brokers ${broker}, ${String(receivers)} receivers: ${formatNumber(run.usPerPublish, 1)} µs`,
        );
      }
    }
  }
  const header = ['broker', 'receivers', 'publishes/s', 'µs per publish', 'CPU', 'complete'];
  const rows = runs.map((run) => [
    run.broker,
    formatNumber(run.receivers),
    formatNumber(run.rate),
    formatNumber(run.usPerPublish, 2),
    formatShare(run.share),
    formatShare(run.complete, 1),
  ]);
  return {
    title: 'The brokers themselves',
    method:
      'One publisher by a plain socket, which sends what is due every millisecond in one write; ' +
      `receivers that only read; ${String(options.payloadBytes + 100)} bytes, ` +
      `${formatNumber(trafficPerSecond)} messages per second in and out together. CPU time of the ` +
      "broker's process.",
    table: formatTable(header, rows),
    notes: [],
    runs,
  };
}

export async function runBroker(
  broker: BrokerRun['broker'],
  receivers: number,
  options: BenchOptions,
): Promise<BrokerRun> {
  const guard = new Guard();
  const port = await findPort();
  const server = brokerOf(broker, { port, accessKey: '', guard, onDeath: () => undefined });
  const rate = Math.round(trafficPerSecond / (receivers + 1));
  try {
    if (server === undefined) throw new Error(`${broker} is no server`);
    await server.process.start();
    const figures = await loadBroker({
      kind: broker,
      port,
      pid: server.process.pid,
      receivers,
      rate,
      bytes: options.payloadBytes + 100,
      seconds: options.windowSeconds,
    });
    return {
      broker,
      receivers,
      rate,
      usPerPublish: (figures.cpuSeconds * 1e6) / figures.published,
      share: figures.cpuSeconds / options.windowSeconds,
      complete: figures.complete,
    };
  } finally {
    await server?.process.stop();
    await guard.close();
  }
}
