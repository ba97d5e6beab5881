/** `trunkline capacity`: nodes, brokers, memory and bandwidth for a load. */
import { Command, InvalidArgumentError, Option } from 'commander';
import type { BrokerName } from '../capacity/costs.ts';
import {
  planCapacity,
  type CapacityPlan,
  type PlanOptions,
  type Workload,
} from '../capacity/model.ts';
import { formatPlan } from '../capacity/plan-text.ts';
import { CommandFailure, UsageError, type Host } from './host.ts';
import { integerParser } from './options.ts';

interface CapacityFlags {
  readonly backplane: BrokerName;
  readonly connections: number;
  readonly groupsPerConnection: number;
  readonly groupSize: number;
  readonly groupMessages: number;
  readonly userMessages: number;
  readonly payload: number;
  readonly retained: number;
  readonly heartbeat: number;
  readonly life: number;
  readonly utilization: number;
  readonly nodeConnections: number;
  readonly nodesPerMachine: number;
  readonly reconnect: number;
  readonly json?: boolean;
}

const backplanes = ['memory', 'redis', 'nats', 'azure'] as const satisfies readonly BrokerName[];
const most = 100_000_000;

const examples = `
The figures come from a model with measured costs (docs/CAPACITY.md). They are a beginning: measure your own load.

Examples:
  $ trunkline capacity --connections 100000 --group-size 10 --group-messages 5000
  $ trunkline capacity --connections 10000000 --user-messages 200000 --backplane nats --json`;

export function capacityCommand(host: Host): Command {
  const command = new Command('capacity').description(
    'Prints how many nodes, brokers and how much bandwidth a load needs',
  );
  const count = (flags: string, text: string, initial: number): void => {
    command.addOption(new Option(flags, text).argParser(integerParser(0, most)).default(initial));
  };
  command.addOption(
    new Option('--backplane <name>', 'Between the nodes').choices(backplanes).default('redis'),
  );
  command.addOption(
    new Option('--connections <number>', 'All together')
      .argParser(integerParser(1, most))
      .makeOptionMandatory(),
  );
  count('--groups-per-connection <number>', 'Groups that one connection is in', 1);
  count('--group-size <number>', 'Members of an average group', 10);
  count('--group-messages <number>', 'Messages to groups per second, all together', 0);
  count('--user-messages <number>', 'Messages to single users per second, all together', 0);
  count('--payload <bytes>', 'Data of a message', 200);
  count('--heartbeat <seconds>', 'A connection gets a sign of life so often', 10);
  count('--life <seconds>', 'How long a connection lives; 0: for ever', 3600);
  count('--node-connections <number>', 'The most of one node (setting connectionsMax)', 50_000);
  count('--nodes-per-machine <number>', 'Workers of one machine, one for each core', 4);
  count('--reconnect <seconds>', 'The clients of a lost node are back within', 60);
  return command
    .option('--retained <share>', 'How much of what is published is retained, 0 to 1', share, 0)
    .option('--utilization <share>', 'How much of its core a node may use, 0 to 1', share, 0.5)
    .option('--json', 'Print the plan as JSON')
    .addHelpText('after', examples)
    .action(() => printPlan(command.opts<CapacityFlags>(), host));
}

function printPlan(flags: CapacityFlags, host: Host): void {
  const workload: Workload = {
    backplane: flags.backplane,
    connections: flags.connections,
    groupsPerConnection: flags.groupsPerConnection,
    groupSize: positive(flags.groupSize, '--group-size'),
    groupMessagesPerSecond: flags.groupMessages,
    userMessagesPerSecond: flags.userMessages,
    payloadBytes: flags.payload,
    retainedShare: flags.retained,
    heartbeatSeconds: positive(flags.heartbeat, '--heartbeat'),
    connectionSeconds: flags.life,
  };
  const plan = planOrFail(workload, {
    utilization: positive(flags.utilization, '--utilization'),
    connectionsPerNodeMax: positive(flags.nodeConnections, '--node-connections'),
    nodesPerMachine: positive(flags.nodesPerMachine, '--nodes-per-machine'),
    reconnectSeconds: positive(flags.reconnect, '--reconnect'),
  });
  host.print(
    flags.json === true ? `${JSON.stringify({ workload, plan })}\n` : formatPlan(workload, plan),
  );
}

function planOrFail(workload: Workload, options: PlanOptions): CapacityPlan {
  try {
    return planCapacity(workload, options);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new CommandFailure(`There is no plan: ${cause.message}`, { cause });
  }
}

function positive(value: number, flag: string): number {
  if (value > 0) return value;
  throw new UsageError(`${flag} must be above 0, got ${String(value)}`);
}

function share(text: string): number {
  const value = Number(text);
  if (text !== '' && value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError('It must be 0..1.');
}
