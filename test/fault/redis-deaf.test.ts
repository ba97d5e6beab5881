/** A subscription that is gone although its connection is well: nobody but a canary can know. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Redis } from 'ioredis';
import { ChannelNames } from '../../backplanes/redis/channels.ts';
import { Link } from '../../backplanes/redis/link.ts';
import { defaultRedisSettings, newRedisCounters } from '../../backplanes/redis/settings.ts';
import { noRedis, startRedis } from '../support/redis.ts';
import { waitFor } from '../support/wait.ts';

describe('redis deafness', { skip: noRedis }, () => {
  test('redis: a deaf subscription is found within 2 s, and repaired', async (t) => {
    const server = await startRedis();
    t.after(() => server.stop());
    const channels = new ChannelNames('deaf', 0, 'nonce');
    const subscribers: Redis[] = [];
    const gaps: string[] = [];
    const received: string[] = [];
    const counters = newRedisCounters();
    const link = new Link({
      server: 'test',
      create: (role) => {
        const client = new Redis({
          port: server.port,
          lazyConnect: true,
          retryStrategy: () => null,
        });
        if (role === 'subscribe') subscribers.push(client);
        return client;
      },
      isSharded: false,
      mayDisagree: false,
      channels,
      settings: defaultRedisSettings,
      counters,
      events: {
        onEnvelope: (_key, bytes) => received.push(Buffer.from(bytes).toString()),
        onGap: (keys) => gaps.push(...keys),
        onState: () => undefined,
      },
      onMoved: () => false,
    });
    const timer = setInterval(() => link.tick(), defaultRedisSettings.probeIntervalMs);
    t.after(() => clearInterval(timer));
    t.after(() => link.close());
    await link.start(0);
    const channel = channels.ofKey('k', 0);
    await link.subscribe(channel, 0, 'k');

    // Behind the back of the link, everything: as if the server had forgotten this client.
    await subscribers[0]?.unsubscribe();
    await waitFor(() => counters.canaryMisses === 1, { what: 'it is found', deadlineMs: 2500 });
    await waitFor(() => gaps.includes('k'), { what: 'it is repaired and told' });
    assert.equal(await link.publish(channel, Buffer.from('after')), 1);
    await waitFor(() => received.includes('after'), { what: 'traffic flows' });

    // One channel only: the next publish of this very node on it shows it.
    await subscribers[1]?.unsubscribe(channel);
    gaps.length = 0;
    assert.equal(await link.publish(channel, Buffer.from('lost')), 0);
    await waitFor(() => gaps.includes('k'), { what: 'it is repaired and told' });
    assert.equal(await link.publish(channel, Buffer.from('found')), 1);
    await waitFor(() => received.includes('found'), { what: 'traffic flows' });
  });
});
