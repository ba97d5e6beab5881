/** The targets of speed, each held against the raw data of one report. */
import { ratio } from '../micro/statistics.ts';
import { formatKiB, formatMs, formatNumber, formatRatio } from '../micro/table.ts';
import { Cell, type Measurement } from './data.ts';
import { highestHeld } from './search.ts';

export interface Verdict {
  readonly what: string;
  readonly target: string;
  readonly measured: string;
  readonly verdict: 'held' | 'not held' | 'not measured';
}

type All = readonly Measurement[];

const KiB = 1024;
const us = 1e6;

export function verdictsOf(all: All): readonly Verdict[] {
  return [
    ...['topics', 'topics-deferred'].map((peer) =>
      rateVerdict(all, peer, peer === 'topics' ? 1.5 : 1),
    ),
    rateVerdict(all, 'socket.io', 8),
    rateVerdict(all, 'centrifugo', 5),
    ...[50, 1000].map((rate) => cpuVerdict(all, rate)),
    ...['socket.io-redis', 'centrifugo-redis'].flatMap((peer) => crossVerdicts(all, peer)),
    memoryVerdict(all),
    ...stalledVerdicts(all),
    addedLatency(all),
    acceptVerdict(all),
  ];
}

function judge(value: number | undefined, isHeld: (value: number) => boolean): Verdict['verdict'] {
  if (value === undefined) return 'not measured';
  return isHeld(value) ? 'held' : 'not held';
}

function rateVerdict(all: All, peer: string, least: number): Verdict {
  const own = highestHeld(all, 'fanout-highest', 'gateway')?.params['rate'];
  const other = highestHeld(all, 'fanout-highest', peer)?.params['rate'];
  const value = ratio(own, other);
  return {
    what: `fan-out to 1,000, highest rate with p99 < 100 ms, against ${peer}`,
    target: `≥ ${String(least)} ×`,
    measured: `${formatRatio(value)} (${formatNumber(own)} and ${formatNumber(other)}/s)`,
    verdict: judge(value, (each) => each >= least),
  };
}

function cpuVerdict(all: All, rate: number): Verdict {
  const share = (target: string): number | undefined =>
    new Cell(all, 'fanout', target, { rate }).median('cpuShare');
  const value = ratio(share('gateway'), share('topics-deferred'));
  return {
    what: `fan-out to 1,000, CPU at ${formatNumber(rate)} messages/s, against topics-deferred`,
    target: '≤ 1.05 ×',
    measured: formatRatio(value),
    verdict: judge(value, (each) => each <= 1.05),
  };
}

function crossVerdicts(all: All, peer: string): readonly Verdict[] {
  const own = highestHeld(all, 'cross-highest', 'gateway-redis');
  const other = highestHeld(all, 'cross-highest', peer);
  const rates = ratio(own?.params['rate'], other?.params['rate']);
  const perCpu = ratio(messagesPerCpu(own), messagesPerCpu(other));
  const equal = ratio(
    new Cell(all, 'cross', 'gateway-redis').quotient('messages', 'nodesCpuSeconds'),
    new Cell(all, 'cross', peer).quotient('messages', 'nodesCpuSeconds'),
  );
  const least = (value: number): boolean => value >= 3;
  const values = `${formatNumber(own?.params['rate'])} and ${formatNumber(other?.params['rate'])}/s`;
  return [
    {
      what: `user to user over Redis, highest rate, against ${peer}`,
      target: '≥ 3 ×',
      measured: `${formatRatio(rates)} (${values})`,
      verdict: judge(rates, least),
    },
    {
      what: `the same, messages per CPU-second of both nodes, each at its highest rate`,
      target: '≥ 3 ×',
      measured: `${formatRatio(perCpu)} (at equal load ${formatRatio(equal)})`,
      verdict: judge(perCpu, least),
    },
  ];
}

function messagesPerCpu(run: Measurement | undefined): number | undefined {
  return ratio(run?.values['messages'], run?.values['nodesCpuSeconds']);
}

function memoryVerdict(all: All): Verdict {
  const cell = new Cell(all, 'idle', 'gateway', { connections: 10_000 });
  const bytes = cell.median('rssAfterGc');
  const slab = cell.median('slab');
  return {
    what: 'idle connection with a token, a user and a group',
    target: '≤ 2.5 KB of process memory',
    measured: `${formatKiB(bytes)} KiB (kernel ${formatKiB(slab)} KiB, both ends)`,
    verdict: judge(bytes, (each) => each <= 2.5 * KiB),
  };
}

function stalledVerdicts(all: All): readonly Verdict[] {
  const runs = all.filter(({ row }) => row === 'stalled');
  const stalling = runs.find(({ params }) => (params['stalled'] ?? 0) > 0);
  const reading = runs.find(({ params }) => params['stalled'] === 0);
  const more = (name: string): number | undefined => {
    const [a, b] = [stalling?.values[name], reading?.values[name]];
    const stalled = stalling?.params['stalled'];
    return a === undefined || b === undefined ? undefined : ratio(a - b, stalled);
  };
  const bytes = more('processPeakBytes');
  const rise = ratio(stalling?.values['p99Us'], reading?.values['p99Us']);
  return [
    {
      what: 'a stalled reader of a busy group, on average',
      target: '≤ 64 KiB of process memory',
      measured: `${formatKiB(bytes)} KiB (kernel ${formatKiB(more('tcpPeakBytes'))} KiB, both ends)`,
      verdict: judge(bytes, (each) => each <= 64 * KiB),
    },
    {
      what: 'p99 of the others while a third stalls',
      target: '≤ 1.1 ×',
      measured:
        `${formatRatio(rise)} (${formatMs(reading?.values['p99Us'])} and ` +
        `${formatMs(stalling?.values['p99Us'])} ms)`,
      verdict: judge(rise, (each) => each <= 1.1),
    },
  ];
}

function addedLatency(all: All): Verdict {
  const whole = new Cell(all, 'cross-half', 'gateway-redis').latency(0.99);
  const broker = new Cell(all, 'cross-half-broker', 'gateway-redis').latency(0.99);
  const added = whole === undefined || broker === undefined ? undefined : whole - broker;
  return {
    what: "latency added to the broker's round trip at half of the highest rate, p99",
    target: '≤ 2 ms',
    measured: `${formatMs(added)} ms (${formatMs(whole)} against ${formatMs(broker)} ms)`,
    verdict: judge(added, (each) => each <= 2000),
  };
}

function acceptVerdict(all: All): Verdict {
  const value = new Cell(all, 'accept', 'gateway').quotient('accepted', 'serverCpuSeconds');
  return {
    what: 'connections accepted with a verified token, per CPU-second',
    target: '≥ 10,000',
    measured: `${formatNumber(value)} (${formatNumber(ratio(us, value), 0)} µs each)`,
    verdict: judge(value, (each) => each >= 10_000),
  };
}
