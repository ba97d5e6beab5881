/** The capacity model: from connections, groups and rates to nodes, brokers, memory and bandwidth. */
import { planBroker, type BrokerPlan } from './broker-plan.ts';
import { brokerCosts, nodeCosts, type BrokerName, type NodeCosts } from './costs.ts';
import { coresOf, nodesWithMembers, type NodeLoad } from './node-load.ts';

export interface Workload {
  readonly backplane: BrokerName;
  readonly connections: number;
  readonly groupsPerConnection: number;
  readonly groupSize: number;
  /** Messages to groups per second, all groups together. */
  readonly groupMessagesPerSecond: number;
  /** Messages to single users per second, all users together. */
  readonly userMessagesPerSecond: number;
  readonly payloadBytes: number;
  /** 0..1: how much of what is published is retained. */
  readonly retainedShare: number;
  /** A connection gets a sign of life so often. */
  readonly heartbeatSeconds: number;
  /** How long a connection lives; 0: for ever. */
  readonly connectionSeconds: number;
}

export interface PlanOptions {
  /** A node is planned to use so much of its core. */
  readonly utilization: number;
  readonly connectionsPerNodeMax: number;
  /** Nodes (processes) on one machine. */
  readonly nodesPerMachine: number;
  /** Who was connected to a lost node is let in by the others within so many seconds. */
  readonly reconnectSeconds: number;
}

export interface CapacityPlan {
  readonly nodes: number;
  readonly machines: number;
  /** What decides the number of nodes. */
  readonly boundBy: 'CPU' | 'connections' | 'reconnects' | 'one machine';
  /** Of one node at this number of them, in cores. */
  readonly nodeCores: number;
  readonly nodeConnections: number;
  readonly nodeBytes: number;
  readonly kernelBytesPerNode: number;
  readonly deliveriesPerSecond: number;
  readonly groups: number;
  /** Nodes that an average message to a group must reach. */
  readonly nodesPerMessage: number;
  readonly clientBitsPerSecond: number;
  readonly broker: BrokerPlan;
  /** Sentences on what does not fit, and what to do. */
  readonly warnings: readonly string[];
}

const nodesMax = 1_000_000;

/** @throws RangeError when not even a million nodes hold it. */
export function planCapacity(
  workload: Workload,
  options: PlanOptions,
  costs: NodeCosts = nodeCosts,
): CapacityPlan {
  const { connections } = workload;
  const byConnections = Math.ceil(connections / options.connectionsPerNodeMax);
  const byCpu = fewestNodes((nodes) => nodeCores(workload, nodes, costs) <= options.utilization);
  // Who loses the only machine has nowhere to go.
  const isOne = workload.backplane === 'memory';
  const byReconnects = isOne ? 1 : reconnectNodes(connections, options, costs);
  const floor = Math.max(byConnections, byCpu);
  // One more than is needed: the loss of one node must not overload the others.
  const withSpare = isOne ? floor : floor + 1;
  const nodes = Math.max(withSpare, byReconnects);
  const { groupSize } = workload;
  const deliveriesPerSecond =
    workload.groupMessagesPerSecond * groupSize + workload.userMessagesPerSecond;
  const reach = nodesWithMembers(nodes, groupSize);
  const nodeConnections = Math.ceil(connections / nodes);
  const bytes = deliveriesPerSecond * (workload.payloadBytes + costs.deliveryOverheadBytes);
  const machines = Math.ceil(nodes / options.nodesPerMachine);
  const messages = workload.groupMessagesPerSecond + workload.userMessagesPerSecond;
  const arrivals = workload.groupMessagesPerSecond * reach + workload.userMessagesPerSecond;
  const broker = planBroker(workload.backplane, brokerCosts, {
    messagesPerSecond: messages,
    arrivalsPerSecond: arrivals,
    retainedPerSecond: messages * workload.retainedShare,
    messageBytes: workload.payloadBytes + costs.envelopeOverheadBytes,
    nodes,
  });
  return {
    nodes,
    machines,
    boundBy: reasonOf({ byConnections, byCpu, byReconnects, withSpare }, workload.backplane),
    nodeCores: nodeCores(workload, nodes, costs),
    nodeConnections,
    nodeBytes: costs.baseBytes + nodeConnections * costs.processBytesPerConnection,
    kernelBytesPerNode: nodeConnections * costs.kernelBytesPerConnection,
    deliveriesPerSecond,
    groups: Math.ceil((connections * workload.groupsPerConnection) / groupSize),
    nodesPerMessage: reach,
    clientBitsPerSecond: bytes * 8,
    broker,
    warnings: [...broker.warnings, ...warningsOf(workload, machines)],
  };
}

/** CPU of one of so many nodes, in cores. */
export function nodeCores(workload: Workload, nodes: number, costs: NodeCosts): number {
  return coresOf(shareOfNode(workload, nodes), costs, workload.backplane);
}

function shareOfNode(workload: Workload, nodes: number): NodeLoad {
  const { connections, connectionSeconds, groupSize, heartbeatSeconds } = workload;
  const toGroups = workload.groupMessagesPerSecond;
  const toUsers = workload.userMessagesPerSecond;
  const hasBroker = workload.backplane !== 'memory' || nodes > 1;
  const reached = toGroups * nodesWithMembers(nodes, groupSize) + toUsers;
  const receiving = toGroups + toUsers === 0 ? 0 : connections;
  return {
    inbound: (toGroups + toUsers) / nodes,
    arrivals: hasBroker ? reached / nodes : 0,
    deliveries: (toGroups * groupSize + toUsers) / nodes,
    receivers: receiving / nodes,
    retained: ((toGroups + toUsers) * workload.retainedShare) / nodes,
    heartbeats: connections / nodes / heartbeatSeconds,
    accepts: connectionSeconds === 0 ? 0 : connections / nodes / connectionSeconds,
  };
}

/** The smallest number for which it holds; more nodes never make it worse. */
function fewestNodes(holds: (nodes: number) => boolean): number {
  let high = 1;
  while (!holds(high)) {
    high *= 2;
    if (high > nodesMax)
      throw new RangeError('no number of nodes holds this load: check the rates');
  }
  let low = Math.floor(high / 2);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (holds(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** Nodes of which all but one let in the clients of the lost one in time, with the rest of their core. */
function reconnectNodes(connections: number, options: PlanOptions, costs: NodeCosts): number {
  const perNode = ((1 - options.utilization) / costs.acceptUs) * 1e6 * options.reconnectSeconds;
  return fewestNodes((nodes) => nodes > 1 && connections / nodes / (nodes - 1) <= perNode);
}

interface Bounds {
  readonly byConnections: number;
  readonly byCpu: number;
  readonly byReconnects: number;
  readonly withSpare: number;
}

function reasonOf(bounds: Bounds, backplane: BrokerName): CapacityPlan['boundBy'] {
  if (bounds.byReconnects > bounds.withSpare) return 'reconnects';
  if (backplane === 'memory' && bounds.withSpare === 1) return 'one machine';
  return bounds.byCpu > bounds.byConnections ? 'CPU' : 'connections';
}

function warningsOf({ backplane }: Workload, machines: number): readonly string[] {
  if (backplane !== 'memory' || machines === 1) return [];
  return ['memory joins the workers of one machine only: use Redis or NATS.'];
}
