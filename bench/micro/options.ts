/** The command line of `npm run bench`. */
import { parseArgs } from 'node:util';
import type { SlowConsumerPolicy } from '../../gateway/config.ts';
import type { JitterOptions } from '../peers/jitter/run-jitter.ts';
import { crossTargetNames, usualCrossTargets, type CrossTargetName } from './cross/targets.ts';
import { policies } from './streams/policies.ts';
import { targetNames, usualTargets, type TargetName } from './targets.ts';

export const scenarioNames = [
  'fanout',
  'saturation',
  'idle',
  'accept',
  'stalled',
  'cross',
  'streams',
  'stream-brokers',
  'throttled',
  'storm',
  'brokers',
  'crowd',
  'jitter',
  'pieces',
] as const;
export type ScenarioName = (typeof scenarioNames)[number];

export interface BenchOptions {
  readonly scenarios: readonly ScenarioName[];
  readonly targets: readonly TargetName[];
  /** Runs per cell. */
  readonly repeats: number;
  readonly rates: readonly number[];
  readonly subscribers: number;
  readonly payloadBytes: number;
  readonly publishers: number;
  readonly warmupSeconds: number;
  readonly windowSeconds: number;
  readonly idleConnections: number;
  readonly acceptConnections: number;
  readonly stalled: StalledOptions;
  readonly throttled: ThrottledOptions;
  readonly storm: StormOptions;
  readonly jitter: JitterOptions;
  /** Connections of `crowd`, over several workers and generators. */
  readonly crowdConnections: number;
  readonly crossTargets: readonly CrossTargetName[];
  readonly crossRates: readonly number[];
  readonly streamRates: readonly number[];
  readonly streamBrokerRates: readonly number[];
  /** Small groups of `stream-brokers`, each with a publisher. */
  readonly groups: number;
  /** The report becomes `summary-<name>.md`, too. */
  readonly summary: string | undefined;
  /** How long a run of `cross` waits for a quiet machine; 0: not at all. */
  readonly quietSecondsMax: number;
  /** Of a sender on one node and a receiver on the other. */
  readonly pairs: number;
  /** Settings net.ipv4.<name> in a network namespace of its own; empty: the machine's. */
  readonly sysctls: Readonly<Record<string, string>>;
}

export interface StalledOptions {
  readonly connections: number;
  readonly stalled: number;
  readonly rate: number;
  readonly payloadBytes: number;
  readonly seconds: number;
}

export interface ThrottledOptions {
  /** Members of the group, throttled ones included. */
  readonly connections: number;
  /** How many are throttled, one number for each kind of run; one without any is added. */
  readonly throttled: readonly number[];
  readonly policies: readonly SlowConsumerPolicy[];
  /** What a throttled one reads. */
  readonly bytesPerSecond: number;
  readonly rate: number;
  readonly payloadBytes: number;
  readonly seconds: number;
}

export interface StormOptions {
  /** A multiple of `groups`. */
  readonly connections: number;
  readonly groups: number;
  /** Publications to each group while all are away. */
  readonly missed: number;
  readonly awaySeconds: number;
}

/** A wrong command line; the message says how it should be. */
export class UsageError extends Error {}

export const usage = `usage: npm run bench -- [${scenarioNames.join('|')}|all] ...
  --quick               short runs: shows that it works, measures little
  --targets a,b         of ${targetNames.join(', ')}
  --repeats N           runs per cell, alternated (3)
  --rates a,b,c         messages per second of fanout (50,1000,5000), cross (3000,6000),
                        streams (50,200,1000,5000) and stream-brokers (200,1000,5000)
  --cross-targets a,b   of ${crossTargetNames.join(', ')}
  --pairs N             senders, and receivers, of cross (200)
  --groups N            groups of storm, and of stream-brokers with 10 members each (100)
  --wait-quiet S        each run of cross and stream-brokers waits up to S seconds for an idle
                        machine (0)
  --subscribers N       members of the one group (1000)
  --policies a,b        of throttled: ${policies.join(', ')}
  --throttle BYTES      what a reader of throttled reads in a second (10000)
  --payload BYTES       user data of a message (100)
  --publishers N        connections that publish (10)
  --seconds S           length of the measured window (4)
  --connections N       of idle, accept and storm (10000), of crowd (100000)
  --missed N            publications to each group of storm while all are away (30)
  --away S              how long they are away (3)
  --stalled N/M         N stalled among M connections (2000/6000)
  --summary NAME        write the report to bench/results/summary-NAME.md, too
  --tcp-wmem "a b c"    run in a network namespace of its own with this net.ipv4.tcp_wmem
  --tcp-notsent-lowat N the same with this net.ipv4.tcp_notsent_lowat
`;

/** @throws UsageError */
export function parseOptions(args: readonly string[]): BenchOptions {
  const { values, positionals } = parse(args);
  const isQuick = values.quick;
  const connections = count(values.connections, 'connections', isQuick ? 2000 : 10_000);
  return {
    scenarios: parseScenarios(positionals),
    targets: parseNames(values.targets ?? usualTargets.join(','), 'targets', targetNames),
    repeats: count(values.repeats, 'repeats', isQuick ? 1 : 3),
    rates: parseRates(values.rates ?? '50,1000,5000'),
    crossTargets: parseNames(
      values['cross-targets'] ?? usualCrossTargets.join(','),
      'cross-targets',
      crossTargetNames,
    ),
    crossRates: parseRates(values.rates ?? '3000,6000'),
    streamRates: parseRates(values.rates ?? '50,200,1000,5000'),
    streamBrokerRates: parseRates(values.rates ?? '200,1000,5000'),
    groups: count(values.groups, 'groups', 100),
    summary: parseSummary(values.summary),
    pairs: count(values.pairs, 'pairs', 200),
    quietSecondsMax:
      values['wait-quiet'] === undefined ? 0 : count(values['wait-quiet'], 'wait-quiet', 0),
    subscribers: subscribersOf(values.subscribers),
    payloadBytes: count(values.payload, 'payload', 100),
    publishers: count(values.publishers, 'publishers', 10),
    warmupSeconds: isQuick ? 1 : 2,
    windowSeconds: count(values.seconds, 'seconds', isQuick ? 2 : 4),
    idleConnections: connections,
    acceptConnections: connections,
    stalled: parseStalled(values.stalled, isQuick),
    throttled: {
      connections: subscribersOf(values.subscribers),
      throttled: [1, 50],
      policies: parseNames(values.policies, 'policies', policies),
      bytesPerSecond: count(values.throttle, 'throttle', 10_000),
      rate: 50,
      payloadBytes: 2048,
      seconds: count(values.seconds, 'seconds', isQuick ? 10 : 40),
    },
    storm: parseStorm(values, connections, isQuick),
    crowdConnections: count(values.connections, 'connections', isQuick ? 2000 : 100_000),
    jitter: {
      clients: isQuick ? 50 : 200,
      rate: 10,
      seconds: count(values.seconds, 'seconds', isQuick ? 8 : 45),
      periodMs: isQuick ? 5000 : 15_000,
      offlineMs: isQuick ? 1000 : 2000,
      payloadBytes: count(values.payload, 'payload', 100),
    },
    sysctls: parseSysctls(values['tcp-wmem'], values['tcp-notsent-lowat']),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        quick: { type: 'boolean', default: false },
        targets: { type: 'string' },
        repeats: { type: 'string' },
        rates: { type: 'string' },
        subscribers: { type: 'string' },
        payload: { type: 'string' },
        publishers: { type: 'string' },
        seconds: { type: 'string' },
        connections: { type: 'string' },
        stalled: { type: 'string' },
        'cross-targets': { type: 'string' },
        pairs: { type: 'string' },
        groups: { type: 'string' },
        throttle: { type: 'string' },
        policies: { type: 'string' },
        missed: { type: 'string' },
        away: { type: 'string' },
        summary: { type: 'string' },
        'wait-quiet': { type: 'string' },
        'tcp-wmem': { type: 'string' },
        'tcp-notsent-lowat': { type: 'string' },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function parseScenarios(positionals: readonly string[]): readonly ScenarioName[] {
  if (positionals.length === 0) throw new UsageError('say what to measure, for instance "fanout"');
  if (positionals.includes('all')) return scenarioNames;
  return positionals.map((name) => oneOf(name, 'scenario', scenarioNames));
}

function parseNames<T extends string>(
  text: string | undefined,
  flag: string,
  known: readonly T[],
): readonly T[] {
  return text === undefined ? known : text.split(',').map((name) => oneOf(name, flag, known));
}

function parseRates(text: string): readonly number[] {
  return text.split(',').map((rate) => count(rate, 'rates', 0));
}

function oneOf<T extends string>(name: string, what: string, known: readonly T[]): T {
  const found = known.find((candidate) => candidate === name);
  if (found !== undefined) return found;
  throw new UsageError(`${what} must be one of ${known.join(', ')}, got "${name}"`);
}

function count(text: string | undefined, flag: string, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (Number.isInteger(value) && value > 0 && value <= 10_000_000) return value;
  throw new UsageError(`--${flag} must be a whole number above 0, got "${text}"`);
}

function parseStorm(
  values: { readonly groups?: string; readonly missed?: string; readonly away?: string },
  connections: number,
  isQuick: boolean,
): StormOptions {
  const groups = count(values.groups, 'groups', isQuick ? 20 : 100);
  return {
    // Groups of one size.
    connections: Math.max(1, Math.floor(connections / groups)) * groups,
    groups,
    missed: count(values.missed, 'missed', 30),
    awaySeconds: count(values.away, 'away', 3),
  };
}

function parseSysctls(
  wmem: string | undefined,
  lowat: string | undefined,
): Readonly<Record<string, string>> {
  if (wmem !== undefined && !/^\d+ \d+ \d+$/.test(wmem)) {
    throw new UsageError(`--tcp-wmem must be three numbers, got "${wmem}"`);
  }
  return {
    ...(wmem === undefined ? {} : { tcp_wmem: wmem }),
    ...(lowat === undefined
      ? {}
      : { tcp_notsent_lowat: String(count(lowat, 'tcp-notsent-lowat', 0)) }),
  };
}

function parseSummary(text: string | undefined): string | undefined {
  if (text === undefined || /^[a-z][a-z-]*$/.test(text)) return text;
  throw new UsageError(`--summary must be small letters and hyphens, got "${text}"`);
}

function subscribersOf(text: string | undefined): number {
  return count(text, 'subscribers', 1000);
}

function parseStalled(text: string | undefined, isQuick: boolean): StalledOptions {
  const [stalled = '', connections = ''] = (text ?? (isQuick ? '100/300' : '2000/6000')).split('/');
  const numbers = {
    stalled: count(stalled, 'stalled', 0),
    connections: count(connections, 'stalled', 0),
  };
  if (numbers.stalled >= numbers.connections) {
    throw new UsageError(`--stalled must leave readers, got "${stalled}/${connections}"`);
  }
  // 5 MB and more to each reader: the kernel takes 4 MB on loopback before the first sign.
  return { ...numbers, rate: 8, payloadBytes: 16_384, seconds: 42 };
}
