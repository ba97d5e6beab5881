/** The three tables of user-to-user over two nodes, and the notes under them. */
import type { BenchOptions } from '../options.ts';
import { mergeSamples, percentile, ratio, spread } from '../statistics.ts';
import { formatMs, formatNumber, formatRatio, formatShare, formatTable } from '../table.ts';
import type { RateSearch } from '../rate-search.ts';
import type { CrossRun, SampledCrossRun } from './run-cross.ts';
import type { CrossTarget } from './target.ts';

const rivalName = 'socket.io-redis';

/** The highest rate that a target held, and the run that showed it. */
export interface Best {
  readonly target: CrossTarget;
  readonly search: RateSearch;
  run?: CrossRun;
}

/** Totals over the valid runs of a cell; percentiles of all their samples. */
interface Cell {
  readonly target: string;
  readonly perCpuSecond: number | undefined;
  readonly nodesUs: number | undefined;
  readonly senderUs: number | undefined;
  readonly receiverUs: number | undefined;
  readonly brokerUs: number | undefined;
  readonly nodesShare: number | undefined;
  readonly brokerShare: number | undefined;
  /** What other processes used, of one core. */
  readonly othersShare: number | undefined;
  readonly spread: number;
}

function cellOf(target: string, runs: readonly CrossRun[]): Cell {
  const sum = (pick: (run: CrossRun) => number): number =>
    runs.reduce((total, run) => total + pick(run), 0);
  const messages = sum((run) => run.messages);
  const seconds = sum((run) => run.seconds);
  const sender = sum((run) => run.senderCpuSeconds);
  const receiver = sum((run) => run.receiverCpuSeconds);
  const broker = sum((run) => run.brokerCpuSeconds);
  const us = (cpu: number): number | undefined => ratio(cpu * 1e6, messages);
  return {
    target,
    perCpuSecond: ratio(messages, sender + receiver),
    nodesUs: us(sender + receiver),
    senderUs: us(sender),
    receiverUs: us(receiver),
    brokerUs: us(broker),
    nodesShare: ratio(sender + receiver, seconds),
    brokerShare: ratio(broker, seconds),
    othersShare: ratio(
      sum((run) => run.othersCores),
      runs.length,
    ),
    spread: spread(runs.map((run) => ratio(run.messages, nodesCpu(run)) ?? 0)),
  };
}

function nodesCpu(run: CrossRun): number {
  return run.senderCpuSeconds + run.receiverCpuSeconds;
}

export function equalLoadTable(options: BenchOptions, runs: readonly SampledCrossRun[]): string {
  const header = [
    'servers',
    'messages/s',
    'nodes CPU',
    'messages/CPU-s',
    'spread',
    'µs of nodes',
  ].concat([
    'sender',
    'receiver',
    'broker',
    'p50 ms',
    'p99 ms',
    'generator',
    'others',
    'against Socket.IO',
  ]);
  const rows = options.crossRates.flatMap((rate) => {
    const cells = options.crossTargets.map((name) => {
      const some = runs.filter(
        ({ run }) => run.target === name && run.rate === rate && run.isValid,
      );
      const cell = cellOf(
        name,
        some.map(({ run }) => run),
      );
      const sorted = mergeSamples(some.map(({ samplesUs }) => samplesUs));
      const busy = some.reduce((total, { run }) => total + run.busyShare, 0);
      return { ...cell, sorted, busyShare: ratio(busy, some.length) };
    });
    const rival = cells.find(({ target }) => target === rivalName);
    return cells.map((cell) => [
      cell.target,
      formatNumber(rate),
      formatShare(cell.nodesShare),
      formatNumber(cell.perCpuSecond),
      formatShare(cell.spread),
      formatNumber(cell.nodesUs, 1),
      formatNumber(cell.senderUs, 1),
      formatNumber(cell.receiverUs, 1),
      formatNumber(cell.brokerUs, 1),
      formatMs(percentile(cell.sorted, 0.5)),
      formatMs(percentile(cell.sorted, 0.99)),
      formatShare(cell.busyShare),
      formatShare(cell.othersShare),
      cell === rival ? '' : formatRatio(ratio(cell.perCpuSecond, rival?.perCpuSecond)),
    ]);
  });
  return formatTable(header, rows);
}

export function saturationTable(found: readonly Best[]): string {
  const header = [
    'servers',
    'messages/s',
    'rate against Socket.IO',
    'nodes CPU',
    'broker CPU',
  ].concat([
    'messages/CPU-s',
    'against Socket.IO',
    'µs of nodes',
    'p50 ms',
    'p99 ms',
    'generator',
    'others',
  ]);
  const cells = found.map(({ target, search, run }) => ({
    ...cellOf(target.name, run === undefined ? [] : [run]),
    rate: search.best,
    isFloor: search.endedBy === 'unmeasurable',
    run,
  }));
  const rival = cells.find(({ target }) => target === rivalName);
  const rows = cells.map((cell) => [
    cell.target,
    `${cell.isFloor ? '≥ ' : ''}${formatNumber(cell.rate)}`,
    cell === rival ? '' : formatRatio(ratio(cell.rate, rival?.rate)),
    formatShare(cell.nodesShare),
    formatShare(cell.brokerShare),
    formatNumber(cell.perCpuSecond),
    cell === rival ? '' : formatRatio(ratio(cell.perCpuSecond, rival?.perCpuSecond)),
    formatNumber(cell.nodesUs, 1),
    formatMs(cell.run?.p50Us),
    formatMs(cell.run?.p99Us),
    formatShare(cell.run?.busyShare),
    formatShare(cell.othersShare),
  ]);
  return formatTable(header, rows);
}

export function latencyTable(runs: readonly SampledCrossRun[]): string {
  const header = [
    'servers',
    'messages/s',
    'p50 ms',
    'p99 ms',
    'broker p50 ms',
    'broker p99 ms',
  ].concat(['added p50 ms', 'added p99 ms', 'nodes CPU', 'others']);
  const names = [...new Set(runs.map(({ run }) => run.target))];
  const rows = names.map((name) => {
    const some = runs.filter(({ run }) => run.target === name && run.isValid);
    const whole = mergeSamples(some.map(({ samplesUs }) => samplesUs));
    const broker = mergeSamples(some.map(({ brokerUs }) => brokerUs));
    const cell = cellOf(
      name,
      some.map(({ run }) => run),
    );
    return [
      name,
      formatNumber(some[0]?.run.rate),
      formatMs(percentile(whole, 0.5)),
      formatMs(percentile(whole, 0.99)),
      formatMs(percentile(broker, 0.5)),
      formatMs(percentile(broker, 0.99)),
      formatMs(difference(percentile(whole, 0.5), percentile(broker, 0.5))),
      formatMs(difference(percentile(whole, 0.99), percentile(broker, 0.99))),
      formatShare(cell.nodesShare),
      formatShare(cell.othersShare),
    ];
  });
  return formatTable(header, rows);
}

function difference(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a - b;
}

export function notesOf(all: readonly CrossRun[], half: readonly SampledCrossRun[]): string[] {
  const name = (run: CrossRun): string => `${run.target} at ${formatNumber(run.rate)}/s`;
  const list = (some: readonly CrossRun[]): string => [...new Set(some.map(name))].join(', ');
  const notes = [
    'The gateway stands for "user" with a group of one member: clients of its JSON subprotocol ' +
      'address groups only. Socket.IO has a room per user; its event names the user.',
    'A message is one publication that reached its one receiver. Both servers, the broker and the ' +
      'generator share the machine: a highest rate is that of all of them together. "others" is ' +
      'what processes outside the benchmark used.',
    "The broker's round trip runs after the servers' run through the same broker, idle but for it, " +
      'from the call that publishes to the callback that receives, in one process of Node.js. The ' +
      "servers' latency counts from the intended send.",
  ];
  const discarded = all.filter((run) => !run.isValid);
  const wrong = all.filter((run) => run.wrong > 0);
  const missing = half.map(({ run }) => run).filter((run) => run.complete < 1);
  if (discarded.length > 0) {
    notes.push(`The generator was busy above 70 %: ${list(discarded)}. Not in the equal loads.`);
  }
  if (wrong.length > 0) notes.push(`Repeated, inverted or misdelivered: ${list(wrong)}.`);
  if (missing.length > 0) notes.push(`Not complete at half load: ${list(missing)}.`);
  return notes;
}
