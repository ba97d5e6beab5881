/** The brokers of the loss test by their names. */
import type { Guard } from '../../bench/cluster/guard.ts';
import type { LossBroker } from './loss-broker.ts';
import { natsCluster } from './nats-cluster.ts';
import { OneNats } from './one-nats.ts';
import { OneRedis } from './one-redis.ts';
import { redisCluster } from './redis-cluster.ts';

export const brokerNames = ['redis', 'nats', 'redis-cluster', 'nats-cluster'] as const;
export type BrokerName = (typeof brokerNames)[number];

/** Not started. */
export function brokerOf(name: BrokerName, guard: Guard): Promise<LossBroker> {
  switch (name) {
    case 'redis':
      return OneRedis.create(guard);
    case 'nats':
      return OneNats.create(guard);
    case 'redis-cluster':
      return redisCluster(guard);
    case 'nats-cluster':
      return natsCluster(guard);
  }
}
