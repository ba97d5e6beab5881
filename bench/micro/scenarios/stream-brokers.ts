/** What a publication costs a gateway and its broker when the group is a stream, against live. */
import type { BenchOptions } from '../options.ts';
import type { Progress, Section } from '../report.ts';
import { mergeSamples, percentile, ratio, spread } from '../statistics.ts';
import {
  membersPerGroup,
  runBroker,
  type BrokerName,
  type BrokerRun,
  type GroupKind,
  type SampledBrokerRun,
} from '../streams/run-broker.ts';
import { formatMs, formatNumber, formatRatio, formatShare, formatTable } from '../table.ts';

const brokers: readonly BrokerName[] = ['redis', 'nats'];
const kinds: readonly GroupKind[] = ['live', 'stream'];

export async function measureStreamBrokers(
  options: BenchOptions,
  progress: Progress,
): Promise<Section> {
  const samples: SampledBrokerRun[] = [];
  for (const broker of brokers) {
    for (const rate of options.streamBrokerRates) {
      for (let repeat = 0; repeat < options.repeats; repeat++) {
        for (const kind of kinds) {
          const sampled = await runBroker(broker, kind, rate, options);
          samples.push(sampled);
          progress(describe(sampled.run));
        }
      }
    }
  }
  const { groups, payloadBytes, repeats, windowSeconds } = options;
  const runs = samples.map(({ run }) => run);
  return {
    title: 'A publication to a stream at a broker, against a live one',
    method:
      `One gateway and its broker; ${formatNumber(groups)} groups of ${String(membersPerGroup)} ` +
      `members each, a publisher for each group, all clients trunkline.v1.json; ` +
      `${String(payloadBytes)} bytes of user data; ${String(repeats)} alternated runs of ` +
      `${String(windowSeconds)} s each, gateway and broker fresh for each. Redis keeps nothing on ` +
      "disk; NATS JetStream keeps streams in files of this machine's temporary folder. µs are CPU " +
      'time per publication in the window. "p50 of live" is the round trip to the store: a member ' +
      'of a stream gets what was stored.',
    table: table(options, samples),
    notes: notesOf(runs),
    runs,
  };
}

function describe(run: BrokerRun): string {
  return (
    `stream-brokers ${run.broker} ${run.kind} ${formatNumber(run.rate)}/s: node ` +
    `${formatShare(run.nodeCpuSeconds / run.seconds)}, broker ` +
    `${formatShare(run.brokerCpuSeconds / run.seconds)}, p99 ${formatMs(run.p99Us)} ms, complete ` +
    `${formatShare(run.complete, 1)}, generator busy ${formatShare(run.busyShare)}, others ` +
    formatShare(run.othersCores)
  );
}

interface Cell {
  readonly kind: GroupKind;
  readonly nodeShare: number | undefined;
  readonly brokerShare: number | undefined;
  readonly nodeUs: number | undefined;
  readonly brokerUs: number | undefined;
  readonly spread: number;
  readonly p50Us: number | undefined;
  readonly p99Us: number | undefined;
  readonly complete: number | undefined;
  readonly busyShare: number | undefined;
  readonly othersCores: number | undefined;
}

function cellOf(kind: GroupKind, samples: readonly SampledBrokerRun[]): Cell {
  const valid = samples.filter(({ run }) => run.kind === kind && run.isValid);
  const sum = (pick: (run: BrokerRun) => number): number =>
    valid.reduce((total, { run }) => total + pick(run), 0);
  const mean = (pick: (run: BrokerRun) => number): number | undefined =>
    ratio(sum(pick), valid.length);
  const published = sum((run) => run.published);
  const seconds = sum((run) => run.seconds);
  const node = sum((run) => run.nodeCpuSeconds);
  const broker = sum((run) => run.brokerCpuSeconds);
  const sorted = mergeSamples(valid.map(({ samplesUs }) => samplesUs));
  return {
    kind,
    nodeShare: ratio(node, seconds),
    brokerShare: ratio(broker, seconds),
    nodeUs: ratio(node * 1e6, published),
    brokerUs: ratio(broker * 1e6, published),
    spread: spread(valid.map(({ run }) => run.nodeCpuSeconds / run.published)),
    p50Us: percentile(sorted, 0.5),
    p99Us: percentile(sorted, 0.99),
    complete: mean((run) => run.complete),
    busyShare: mean((run) => run.busyShare),
    othersCores: mean((run) => run.othersCores),
  };
}

function table(options: BenchOptions, samples: readonly SampledBrokerRun[]): string {
  const header = ['broker, group', 'publishes/s', 'node CPU', 'broker CPU', 'µs of node', 'spread']
    .concat(['µs of broker', 'p50 ms', 'p99 ms', 'complete', 'generator', 'others'])
    .concat(['node of live', 'broker of live']);
  const rows = brokers.flatMap((broker) =>
    options.streamBrokerRates.flatMap((rate) => {
      const own = samples.filter(({ run }) => run.broker === broker && run.rate === rate);
      const live = cellOf('live', own);
      return kinds.map((kind) => {
        const cell = cellOf(kind, own);
        return [
          `${broker}, ${kind}`,
          formatNumber(rate),
          formatShare(cell.nodeShare),
          formatShare(cell.brokerShare),
          formatNumber(cell.nodeUs, 1),
          formatShare(cell.spread),
          formatNumber(cell.brokerUs, 1),
          formatMs(cell.p50Us),
          formatMs(cell.p99Us),
          formatShare(cell.complete, 1),
          formatShare(cell.busyShare),
          formatShare(cell.othersCores),
          kind === 'live' ? '' : formatRatio(ratio(cell.nodeUs, live.nodeUs)),
          kind === 'live' ? '' : formatRatio(ratio(cell.brokerUs, live.brokerUs)),
        ];
      });
    }),
  );
  return formatTable(header, rows);
}

function notesOf(runs: readonly BrokerRun[]): string[] {
  const name = (run: BrokerRun): string =>
    `${run.broker}, ${run.kind} at ${formatNumber(run.rate)}/s`;
  const list = (some: readonly BrokerRun[]): string => [...new Set(some.map(name))].join('; ');
  const incomplete = runs.filter((run) => run.isValid && run.complete < 0.999);
  const discarded = runs.filter((run) => !run.isValid);
  const wrong = runs.filter((run) => run.wrong > 0);
  const notes = [
    'Every message to every member is timed and ticked off. Gateway, broker and generator share the ' +
      'machine; "others" is what processes outside the benchmark used. One core is 100 %.',
  ];
  if (incomplete.length > 0) notes.push(`Saturated, not all was delivered: ${list(incomplete)}.`);
  if (discarded.length > 0) notes.push(`The generator was busy above 70 %: ${list(discarded)}.`);
  if (wrong.length > 0) notes.push(`Repeated, inverted or misdelivered: ${list(wrong)}.`);
  return notes;
}
