/** The brokers of the loss test by their names. */
import type { Guard } from '../../bench/cluster/guard.ts';
import type { LossBroker } from './loss-broker.ts';
import { natsCluster } from './nats-cluster.ts';
import { oneNats } from './one-nats.ts';
import { oneRedis } from './one-redis.ts';
import { redisCluster } from './redis-cluster.ts';

export const brokerNames = ['redis', 'nats', 'redis-cluster', 'nats-cluster'] as const;
export type BrokerName = (typeof brokerNames)[number];

/** Not started. */
export function brokerOf(name: BrokerName, guard: Guard): Promise<LossBroker> {
  switch (name) {
    case 'redis':
      return oneRedis(guard);
    case 'nats':
      return oneNats(guard);
    case 'redis-cluster':
      return redisCluster(guard);
    case 'nats-cluster':
      return natsCluster(guard);
  }
}
