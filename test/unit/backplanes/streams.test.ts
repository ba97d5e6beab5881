/** Opening the store that a URL names. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openBackplane } from '../../../backplanes/index.ts';
import { isStoredEnvelope } from '../../../backplanes/stored-envelope.ts';
import { noStreamStore, openStreamStore } from '../../../backplanes/streams.ts';
import type { Backplane } from '../../../backplanes/backplane.ts';
import type { StreamRef, StreamStore } from '../../../backplanes/stream-store.ts';

const retention = { name: 'any', messagesMax: 10, ageMsMax: 60_000, bytesMax: 10_000 };
const stream: StreamRef = { key: 'g:hub:one', retention };

async function openMemory(backplane?: Backplane, publishesLive = true): Promise<StreamStore> {
  const store = await openStreamStore('memory:', {
    classes: [retention],
    publishesLive,
    backplane,
  });
  assert.ok(store !== undefined);
  await store.start({ onDoubt: () => undefined });
  return store;
}

test('store of streams: in memory it shares the broker of the backplane beside it', async () => {
  const backplane = await openBackplane('memory:');
  assert.ok(backplane !== undefined);
  const heard: boolean[] = [];
  await backplane.start({
    onEnvelope: (_key, bytes) => void heard.push(isStoredEnvelope(bytes)),
    onGap: () => undefined,
    onLink: () => undefined,
  });
  await backplane.subscribe(stream.key);
  const [one, other] = [await openMemory(backplane), await openMemory(backplane)];
  await one.append(stream, Buffer.from('x'), 'id');
  assert.deepEqual(heard, [true]);
  const [[top], [same]] = await Promise.all([one.tops([stream]), other.tops([stream])]);
  assert.deepEqual(top, same);
  await Promise.all([one, other, backplane].map((each) => each.close()));
});

test('store of streams: in memory without that backplane it is alone, and publishes nothing', async () => {
  const backplane = await openBackplane('memory:');
  const stores = [
    await openMemory(),
    await openMemory(await openBackplane('redis://127.0.0.1:1')),
    await openMemory(backplane, false),
  ];
  for (const { traits } of stores) assert.equal(traits.publishesLive, false);
  const [one, other] = stores;
  await one?.append(stream, Buffer.from('x'), 'id');
  assert.equal((await other?.tops([stream]))?.[0]?.oldest, undefined);
  await Promise.all(stores.map((each) => each.close()));
});

test('store of streams: a scheme that none serves opens none, and it is said what to do', async () => {
  const options = { classes: [], publishesLive: true };
  for (const url of ['azure://hub', 'http://secret@host', 'nothing']) {
    assert.equal(await openStreamStore(url, options), undefined);
    assert.match(
      noStreamStore(url),
      /TRUNKLINE_STREAMS must begin with memory: or redis: or .*nats:/,
    );
    assert.doesNotMatch(noStreamStore(url), /secret/);
  }
  assert.match(noStreamStore('azure://hub'), /^Azure Web PubSub retains nothing/);
});

for (const url of ['nats://127.0.0.1:1', 'redis://127.0.0.1:1', 'redis+cluster://127.0.0.1:1']) {
  test(`store of streams: ${url} opens the one of its broker`, () => opensShared(url));
}

async function opensShared(url: string): Promise<void> {
  for (const publishesLive of [true, false]) {
    const store = await openStreamStore(url, { classes: [], publishesLive });
    assert.ok(store !== undefined);
    assert.deepEqual(
      [store.traits.publishesLive, store.traits.crossesProcesses],
      [publishesLive, true],
    );
    await store.close();
  }
}
