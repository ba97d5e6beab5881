/** Fan-out of one group, live and as a stream, in both JSON subprotocols: what retention costs. */
import { gatewayTarget, streamSettings, type ClientProtocol } from '../gateway-target.ts';
import type { BenchOptions } from '../options.ts';
import type { Progress, Section } from '../report.ts';
import { ratio } from '../statistics.ts';
import { formatMs, formatNumber, formatRatio, formatShare, formatTable } from '../table.ts';
import type { Target } from '../target.ts';
import {
  describeRun,
  fanoutNotes,
  runFanout,
  summarize,
  type FanoutSummary,
  type SampledRun,
} from './fanout.ts';

interface Pair {
  readonly live: Target;
  readonly stream: Target;
}

/** Both are served with the same settings: only the name of the group differs. */
const pairs: readonly Pair[] = [
  pairOf('azure', 'json.webpubsub.azure.v1'),
  pairOf('trunkline', 'trunkline.v1.json'),
];

function pairOf(short: string, protocol: ClientProtocol): Pair {
  const common = { protocol, noEcho: false, settings: streamSettings };
  return {
    live: gatewayTarget({ ...common, name: `live, ${short}`, group: 'live{d}' }),
    stream: gatewayTarget({ ...common, name: `stream, ${short}`, group: 'stream{d}' }),
  };
}

/** All four at all rates, alternated: A B C D, B C D A, and so on. */
export async function measureStreams(options: BenchOptions, progress: Progress): Promise<Section> {
  const targets = pairs.flatMap(({ live, stream }) => [live, stream]);
  const samples: SampledRun[] = [];
  for (const rate of options.streamRates) {
    for (let repeat = 0; repeat < options.repeats; repeat++) {
      const from = repeat % targets.length;
      for (const target of [...targets.slice(from), ...targets.slice(0, from)]) {
        const sampled = await runFanout(target, rate, options);
        samples.push(sampled);
        progress(describeRun('streams', sampled.run));
      }
    }
  }
  const { subscribers, payloadBytes, publishers, windowSeconds, repeats } = options;
  const runs = samples.map(({ run }) => run);
  return {
    title: 'Fan-out of a stream against a live group',
    method:
      `${formatNumber(subscribers)} subscribers of one group, ${String(publishers)} publishers ` +
      `without noEcho, ${String(payloadBytes)} bytes of user data, ${String(repeats)} alternated ` +
      `runs of ${String(windowSeconds)} s each, a fresh gateway per run, memory backplane and ` +
      'memory store. "azure" is json.webpubsub.azure.v1, "trunkline" trunkline.v1.json, which gets ' +
      'the messages of one write in one frame, and the place of each in a stream. "writes" and ' +
      '"deliveries" are those of the gateway in the window; "bytes" is what the subscribers read ' +
      'per delivery, headers of frames included.',
    table: table(options, samples),
    notes: [...fanoutNotes(runs), explanation],
    runs,
  };
}

const explanation =
  '"CPU of live" compares a stream with the live group of the same subprotocol; "more per message" ' +
  'is the difference in CPU time divided by the messages published. Both are of use only below ' +
  'saturation: near 100 % CPU the loop makes up for a cost by writing more at once, and the cost ' +
  'shows in p50, in deliveries per write and in deliveries per CPU-second.';

function table(options: BenchOptions, samples: readonly SampledRun[]): string {
  const header = ['group', 'messages/s', 'CPU', 'deliveries/CPU-s', 'spread', 'p50 ms', 'p99 ms']
    .concat(['writes', 'deliveries', 'per write', 'bytes', 'complete', 'generator'])
    .concat(['CPU of live', 'more per message', 'deliveries/CPU-s of live']);
  const rows = options.streamRates.flatMap((rate) =>
    pairs.flatMap(({ live, stream }) => {
      const liveSummary = summarize(samples, live.name, rate);
      const streamSummary = summarize(samples, stream.name, rate);
      return [
        [...cells(liveSummary, rate), '', '', ''],
        [...cells(streamSummary, rate), ...against(streamSummary, liveSummary, rate)],
      ];
    }),
  );
  return formatTable(header, rows);
}

function cells(summary: FanoutSummary, rate: number): string[] {
  return [
    summary.target,
    formatNumber(rate),
    formatShare(summary.cpuShare),
    formatNumber(summary.perCpuSecond),
    formatShare(summary.spread),
    formatMs(summary.p50Us),
    formatMs(summary.p99Us),
    formatNumber(summary.writes),
    formatNumber(summary.deliveries),
    formatNumber(ratio(summary.deliveries, summary.writes), 2),
    formatNumber(summary.bytesPerDelivery, 1),
    formatShare(summary.complete, 1),
    formatShare(summary.busyShare),
  ];
}

function against(stream: FanoutSummary, live: FanoutSummary, rate: number): string[] {
  const { cpuShare } = stream;
  const isKnown = cpuShare !== undefined && live.cpuShare !== undefined;
  const moreUs = isKnown ? ((cpuShare - live.cpuShare) * 1e6) / rate : undefined;
  return [
    formatRatio(ratio(cpuShare, live.cpuShare)),
    moreUs === undefined ? '–' : `${formatNumber(moreUs, 1)} µs`,
    formatRatio(ratio(stream.perCpuSecond, live.perCpuSecond)),
  ];
}
