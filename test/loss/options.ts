/** The command line of the loss test. */
import { parseArgs } from 'node:util';
import { brokerNames, type BrokerName } from './brokers.ts';
import type { LossOptions } from './loss-run.ts';

/** A wrong command line; the message says how it should be. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const usage = `usage: npm run test:loss -- [options]
  --backplane NAME  ${brokerNames.join(', ')} (redis)
  --client NAME     native: trunkline.v1, or azure: the Azure SDK's reliable client (native)
  --scenario NAME   loss: nothing may be lost; data: the broker loses data, which must be told (loss)
  --seconds N       how long faults go on (120)
  --short           each fault once, instead of --seconds
  --rate N          publications in a second (500; with azure 50)
  --clients N       (300; with azure 20)
  --processes N     that the clients are spread over (1)
  --seed N          chooses faults and traffic (by chance)
  --faults A,B      only these (all)
`;

export interface LossCommand extends LossOptions {
  readonly client: 'native' | 'azure';
}

/** @throws UsageError */
export function parseLossOptions(
  args: readonly string[],
  say: (line: string) => void,
): LossCommand {
  const values = parse(args);
  const backplane = brokerNames.find((name) => name === values.backplane);
  if (backplane === undefined) {
    throw new UsageError(
      `--backplane must be ${brokerNames.join(' or ')}, got "${values.backplane}"`,
    );
  }
  const scenario = (['loss', 'data'] as const).find((name) => name === values.scenario);
  if (scenario === undefined) {
    throw new UsageError(`--scenario must be loss or data, got "${values.scenario}"`);
  }
  const client = (['native', 'azure'] as const).find((name) => name === values.client);
  if (client === undefined) {
    throw new UsageError(`--client must be native or azure, got "${values.client}"`);
  }
  if (client === 'azure' && scenario === 'data') {
    throw new UsageError('--scenario must be loss with --client azure, got "data"');
  }
  const isAzure = client === 'azure';
  return {
    client,
    backplane,
    scenario,
    seconds: whole('--seconds', values.seconds, 86_400),
    rate: whole('--rate', values.rate ?? (isAzure ? '50' : '500'), 10_000),
    clients: whole('--clients', values.clients ?? (isAzure ? '20' : '300'), 20_000),
    processes: whole('--processes', values.processes, 16),
    seed: whole(
      '--seed',
      values.seed ?? String(Math.floor(Math.random() * 1_000_000_000)),
      2 ** 32,
    ),
    faults: values.faults?.split(','),
    isShort: values.short,
    say,
  };
}

/** The programs of the system that the backplane needs. */
export function programsOf(backplane: BrokerName): readonly string[] {
  return [backplane.startsWith('redis') ? 'redis-server' : 'nats-server', 'nginx'];
}

function whole(name: string, text: string, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= max && value > 0) return value;
  throw new UsageError(`${name} must be 1..${max}, got "${text}"`);
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        backplane: { type: 'string', default: 'redis' },
        client: { type: 'string', default: 'native' },
        scenario: { type: 'string', default: 'loss' },
        seconds: { type: 'string', default: '120' },
        short: { type: 'boolean', default: false },
        rate: { type: 'string' },
        clients: { type: 'string' },
        processes: { type: 'string', default: '1' },
        seed: { type: 'string' },
        faults: { type: 'string' },
      },
    }).values;
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
