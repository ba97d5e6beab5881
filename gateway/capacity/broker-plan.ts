/** How many servers of a broker a load needs, and where more of them do not help. */
import { azureUnit, type BrokerCosts, type BrokerName } from './costs.ts';

export interface BrokerLoad {
  /** Published to it per second. */
  readonly messagesPerSecond: number;
  /** Handed out by it to nodes per second. */
  readonly arrivalsPerSecond: number;
  readonly retainedPerSecond: number;
  /** Of an envelope. */
  readonly messageBytes: number;
  /** Nodes that are connected to it. */
  readonly nodes: number;
}

export interface BrokerPlan {
  readonly name: BrokerName;
  /** Redis: shards; NATS: servers; Azure: units; memory: 0. */
  readonly servers: number;
  readonly unit: 'shards' | 'servers' | 'units' | 'none';
  /** Of one server, in cores. */
  readonly coresPerServer: number;
  /** Out of one server, to nodes. */
  readonly bitsPerSecondPerServer: number;
  /** Highest rate of one destination, which is on one shard. */
  readonly messagesPerDestinationMax: number;
  readonly warnings: readonly string[];
}

/** A broker is planned to use so much of what it has. */
const utilization = 0.6;
const gigabit = 1e9;
/** Connections of nodes beyond which one server has more to do with them than is known here. */
const nodesPerServerMax = 1000;

export function planBroker(
  name: BrokerName,
  costs: Readonly<Record<'redis' | 'nats', BrokerCosts>>,
  load: BrokerLoad,
): BrokerPlan {
  switch (name) {
    case 'memory':
      return { ...none, name };
    case 'redis':
    case 'nats':
      return planServers(name, costs[name], load);
    case 'azure':
      return planUnits(load);
  }
}

const none = {
  servers: 0,
  unit: 'none',
  coresPerServer: 0,
  bitsPerSecondPerServer: 0,
  messagesPerDestinationMax: Number.POSITIVE_INFINITY,
  warnings: [],
} as const;

function planServers(name: 'redis' | 'nats', costs: BrokerCosts, load: BrokerLoad): BrokerPlan {
  const us =
    load.messagesPerSecond * costs.publishUs +
    load.arrivalsPerSecond * costs.receiverUs +
    load.retainedPerSecond * costs.appendUs;
  const cores = us / 1e6;
  const byCpu = Math.ceil(cores / (costs.cores * utilization));
  const bits = (load.messagesPerSecond + load.arrivalsPerSecond) * load.messageBytes * 8;
  const byBandwidth = Math.ceil(bits / (10 * gigabit * utilization));
  const least = name === 'nats' ? 3 : 1;
  const servers = Math.max(byCpu, byBandwidth, least);
  const perMessage = load.arrivalsPerSecond / Math.max(1, load.messagesPerSecond);
  const destinationUs = costs.publishUs + costs.receiverUs * perMessage;
  const plan: BrokerPlan = {
    name,
    servers,
    unit: name === 'redis' ? 'shards' : 'servers',
    coresPerServer: cores / servers,
    bitsPerSecondPerServer: bits / servers,
    messagesPerDestinationMax: (utilization * 1e6) / destinationUs,
    warnings: [],
  };
  return { ...plan, warnings: warningsOf(plan, load) };
}

function warningsOf(plan: BrokerPlan, load: BrokerLoad): readonly string[] {
  const warnings: string[] = [];
  if (load.nodes > nodesPerServerMax) {
    warnings.push(
      `${String(load.nodes)} nodes are connected to every server of ${plan.name}, more than was ever ` +
        'tried: split the hubs over several clusters.',
    );
  }
  if (plan.name === 'redis' && plan.servers > 1) {
    warnings.push(
      'one Redis server is not enough: shard by a Redis Cluster or by several servers ' +
        '(docs/CAPACITY.md); a single destination stays on one shard.',
    );
  }
  return warnings;
}

/** Nodes are clients of the service; envelopes share its messages. */
function planUnits(load: BrokerLoad): BrokerPlan {
  const perMessage = Math.max(1, Math.floor(azureUnit.messageBytes / load.messageBytes));
  const publishes = load.messagesPerSecond / perMessage;
  // What one node publishes goes to every other node of its shard group.
  const deliveries = publishes * Math.max(1, load.nodes - 1);
  const units = Math.max(
    1,
    Math.ceil(publishes / azureUnit.publishesPerSecond),
    Math.ceil(deliveries / azureUnit.deliveriesPerSecond),
  );
  const bits = deliveries * azureUnit.messageBytes * 8;
  return {
    name: 'azure',
    servers: units,
    unit: 'units',
    coresPerServer: 0,
    bitsPerSecondPerServer: bits / units,
    messagesPerDestinationMax: azureUnit.publishesPerSecond * perMessage,
    warnings:
      units > 100 ? ['more than 100 units: use Redis or NATS between the nodes instead.'] : [],
  };
}
