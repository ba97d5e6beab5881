/** The CPU time that one node needs for its share of a load: the formula behind the capacity page. */
import type { BrokerName, NodeCosts } from './costs.ts';

/** Per second, at one node. */
export interface NodeLoad {
  /** Messages from its clients and by REST. */
  readonly inbound: number;
  /** Messages that the broker brings; without a broker none. */
  readonly arrivals: number;
  /** Messages to its connections. */
  readonly deliveries: number;
  /** Its connections that get any. */
  readonly receivers: number;
  readonly retained: number;
  /** Signs of life. */
  readonly heartbeats: number;
  readonly accepts: number;
}

/** In cores: 0.5 is half of the one core that a node can use. */
export function coresOf(load: NodeLoad, costs: NodeCosts, broker: BrokerName): number {
  const { inbound, arrivals, deliveries, receivers } = load;
  const turns = Math.min(inbound + arrivals, costs.turnsPerSecondMax);
  const writes = Math.min(deliveries, receivers * costs.writesPerConnectionPerSecondMax);
  const us =
    turns * costs.turnUs +
    inbound * costs.inboundUs[broker] +
    arrivals * costs.arrivalUs[broker] +
    (writes + load.heartbeats) * costs.writeUs +
    deliveries * costs.deliveryUs +
    load.retained * costs.retainedUs +
    load.accepts * costs.acceptUs;
  return us / 1e6;
}

/**
 * How many of `nodes` nodes have at least one of the members of a group, whose connections are spread
 * over them by chance.
 */
export function nodesWithMembers(nodes: number, groupSize: number): number {
  return nodes * (1 - (1 - 1 / nodes) ** groupSize);
}
