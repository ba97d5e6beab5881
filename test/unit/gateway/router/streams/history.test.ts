/** What is said of a position that a client made up, or that is of a history that is gone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  MemoryBackplane,
  MemoryBroker,
} from '../../../../../backplanes/memory/memory-backplane.ts';
import { MemoryStreamStore } from '../../../../../backplanes/memory/memory-stream-store.ts';
import { DestinationRules } from '../../../../../gateway/router/destination-rules.ts';
import { TestNode } from '../fakes.ts';

test('history after a place that is gone: the error names stream and place, and cannot be flooded', async () => {
  const broker = new MemoryBroker();
  const streams = [{ match: 'group:*', retention: 'r' }];
  const node = await TestNode.start({
    backplane: new MemoryBackplane(broker),
    store: new MemoryStreamStore(broker.streams),
    rules: new DestinationRules({
      hubs: { hub: { anonymous: false, streams, slowConsumers: [] } },
      retention: { r: { messages: 10, seconds: 60, bytes: 10_000 } },
    }),
  });
  const to = { kind: 'group', name: 'room' } as const;
  const after = { epoch: `'\n${'x'.repeat(250)}`, offset: 7, tag: 1 };
  const query = { after, before: undefined, limit: 1, reverse: false, reader: undefined };
  await assert.rejects(node.router.streams.history('hub', to, query), {
    code: 'position-diverged',
    message: `The stream 'group:room' of hub 'hub' has no history in which offset 7 of epoch "'\\n${'x'.repeat(30)}"… lies; load the state anew and begin at its present position`,
  });
  await node.router.close();
});
