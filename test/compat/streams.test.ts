/** Client-to-group streams: how they end, and what keeps their fragments in order. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { WebPubSubServiceClient } from '@azure/web-pubsub';
import type { StreamDataError } from '@azure/web-pubsub-client';
import { FrameClient } from '../support/frame-client.ts';
import { Inbox } from '../support/inbox.ts';
import { allRoles, startSdkClient, type SdkClient } from '../support/sdk-client.ts';
import { clientProtocols, jsonSubprotocol, newService, rejection, useGateway } from './suite.ts';

const gateway = useGateway({ limits: { streamsPerConnectionMax: 2 } });

/** How each stream that a client sees ended: the data that came, and the error if there was one. */
function outcomesOf({ client }: SdkClient): Inbox<{ data: unknown[]; error: unknown }> {
  const outcomes = new Inbox<{ data: unknown[]; error: unknown }>('ends of streams');
  client.onGroupStream(async (stream) => {
    const data: unknown[] = [];
    let error: unknown;
    try {
      for await (const fragment of stream) data.push(fragment.data);
    } catch (thrown) {
      error = thrown;
    }
    outcomes.push({ data, error });
  });
  return outcomes;
}

for (const protocol of clientProtocols) {
  describe(`streams over ${protocol.name}`, () => {
    test('streams: two at once do not mix, and many fragments keep their order', async (t) => {
      const service = newService(gateway());
      const anna = await startSdkClient(t, service, { protocol });
      const ben = await startSdkClient(t, service, { protocol, token: { groups: ['g'] } });
      const outcomes = outcomesOf(ben);
      const [first, second] = await Promise.all([
        anna.client.openGroupStream('g'),
        anna.client.openGroupStream('g'),
      ]);
      const numbers = Array.from({ length: 200 }, (_, index) => index);
      const writes = numbers.flatMap((n) => [
        first.write(n, 'json'),
        second.write(1000 + n, 'json'),
      ]);
      await Promise.all(writes);
      await first.end();
      await second.end();
      assert.deepEqual(await outcomes.next(), { data: numbers, error: undefined });
      const others = numbers.map((n) => 1000 + n);
      assert.deepEqual(await outcomes.next(), { data: others, error: undefined });
    });

    test('abort: receivers get the publisher’s error as a UserError', async (t) => {
      const service = newService(gateway());
      const anna = await startSdkClient(t, service, { protocol });
      const ben = await startSdkClient(t, service, { protocol, token: { groups: ['g'] } });
      const outcomes = outcomesOf(ben);
      const writer = await anna.client.openGroupStream('g');
      await writer.write('one', 'text');
      await writer.abort({ message: 'the model failed', userErrorCode: 'E7' });
      assert.deepEqual(await outcomes.next(), {
        data: ['one'],
        error: { name: 'UserError', message: 'the model failed', userErrorCode: 'E7' },
      });
    });

    test('noEcho: the publisher does not get its own fragments', async (t) => {
      const service = newService(gateway());
      const token = { groups: ['g'] };
      const anna = await startSdkClient(t, service, { protocol, token });
      const ben = await startSdkClient(t, service, { protocol, token });
      const outcomes = outcomesOf(ben);
      const writer = await anna.client.openGroupStream('g', { noEcho: true });
      await writer.write('one', 'text');
      await writer.end();
      assert.deepEqual((await outcomes.next()).data, ['one']);
      await service.group('g').sendToAll('end');
      assert.equal((await anna.groupMessages.next()).data, 'end');
    });

    test('idle timeout: the publisher and the receivers are told', async (t) => {
      const service = newService(gateway());
      const anna = await startSdkClient(t, service, { protocol });
      const ben = await startSdkClient(t, service, { protocol, token: { groups: ['g'] } });
      const outcomes = outcomesOf(ben);
      const writer = await anna.client.openGroupStream('g', { idleTimeoutInMs: 300 });
      const errors = new Inbox<StreamDataError>('stream errors');
      writer.onError((error) => errors.push(error));
      await writer.write('one', 'text');
      assert.equal((await errors.next()).name, 'IdleTimeout');
      const { data, error } = await outcomes.next();
      assert.deepEqual(data, ['one']);
      assert.equal((error as StreamDataError).name, 'IdleTimeout');
      await assert.rejects(writer.write('two', 'text'), /completed/);
    });

    test('disconnect: receivers are told that no more will come', async (t) => {
      const service = newService(gateway());
      const anna = await startSdkClient(t, service, { protocol });
      const ben = await startSdkClient(t, service, { protocol, token: { groups: ['g'] } });
      const outcomes = outcomesOf(ben);
      const writer = await anna.client.openGroupStream('g');
      await writer.write('one', 'text');
      await service.closeConnection(anna.connectionId);
      const { error } = await outcomes.next();
      assert.equal((error as StreamDataError).name, 'Cancelled');
    });

    test('permission: a stream is refused without it, and ends when it is taken back', async (t) => {
      const service = newService(gateway());
      const token = { roles: ['webpubsub.sendToGroup.g'] };
      const anna = await startSdkClient(t, service, { protocol, token });
      const refusal = await rejection(anna.client.openGroupStream('other'));
      assert.ok(refusal instanceof Error);
      assert.equal(refusal.name, 'Forbidden');
      const writer = await anna.client.openGroupStream('g');
      const errors = new Inbox<StreamDataError>('stream errors');
      writer.onError((error) => errors.push(error));
      await writer.write('one', 'text');
      await service.revokePermission(anna.connectionId, 'sendToGroup', { targetName: 'g' });
      await writer.write('two', 'text');
      assert.equal((await errors.next()).name, 'Forbidden');
    });

    test('bounds: one more stream than streamsPerConnectionMax is refused', async (t) => {
      const anna = await startSdkClient(t, newService(gateway()), { protocol });
      const first = await anna.client.openGroupStream('g');
      await anna.client.openGroupStream('g');
      const refusal = await rejection(anna.client.openGroupStream('g'));
      assert.equal((refusal as Error).name, 'BadRequest');
      await first.end();
      await anna.client.openGroupStream('g');
    });
  });
}

async function connect(t: TestContext, service: WebPubSubServiceClient): Promise<FrameClient> {
  const { url } = await service.getClientAccessToken({ roles: allRoles, groups: ['g'] });
  const client = await FrameClient.open(t, url, { subprotocols: [jsonSubprotocol] });
  await client.frames.next();
  return client;
}

describe('stream frames', () => {
  const start = '{"type":"sendToGroup","group":"g","noEcho":true,"stream":{"streamId":"s"}}';
  const started = '{"type":"streamAck","streamId":"s","expectedSequenceId":1}';
  const data = (id: number) =>
    `{"type":"streamData","streamId":"s","streamSequenceId":${id},"dataType":"text","data":"x"}`;

  test('streamData: repeats are dropped and acknowledged, gaps are not published', async (t) => {
    const service = newService(gateway());
    const publisher = await connect(t, service);
    const receiver = await connect(t, service);
    publisher.send(start);
    assert.equal(await publisher.frames.next(), started);
    publisher.send(data(1));
    const second = '{"type":"streamAck","streamId":"s","expectedSequenceId":2}';
    assert.equal(await publisher.frames.next(), second);
    publisher.send(data(1));
    assert.equal(await publisher.frames.next(), second);
    publisher.send(data(3));
    const nack = (await publisher.nextJson()) as Record<string, unknown>;
    const { expectedSequenceId, name, streamId, type } = nack;
    const expected = ['streamNack', 's', 'InvalidSequenceId', 2];
    assert.deepEqual([type, streamId, name, expectedSequenceId], expected);
    publisher.send('{"type":"streamData","streamId":"s"}');
    publisher.send('{"type":"streamEnd","streamId":"s"}');
    assert.equal(await publisher.frames.next(), '{"type":"streamClosed","streamId":"s"}');
    const head = '{"type":"message","from":"group","group":"g","fromUserId":null,';
    assert.deepEqual(await receiver.frames.take(2), [
      `${head}"dataType":"text","data":"x","stream":{"streamId":"s","streamSequenceId":1}}`,
      `${head}"dataType":"text","data":"",` +
        '"stream":{"streamId":"s","streamSequenceId":2,"endOfStream":true}}',
    ]);
  });

  test('streamId: it cannot be open twice, is free after the end, and must be open', async (t) => {
    const publisher = await connect(t, newService(gateway()));
    const closedWith = async (name: string) => {
      const frame = (await publisher.nextJson()) as Record<string, Record<string, unknown>>;
      assert.deepEqual([frame['type'], frame['streamId']], ['streamClosed', 's']);
      assert.equal(frame['error']?.['name'], name);
    };
    publisher.send(data(1));
    await closedWith('StreamNotFound');
    publisher.send('{"type":"streamEnd","streamId":"s"}');
    await closedWith('StreamNotFound');
    publisher.send(start);
    assert.equal(await publisher.frames.next(), started);
    publisher.send(start);
    await closedWith('BadRequest');
    publisher.send('{"type":"streamEnd","streamId":"s"}');
    await publisher.frames.next();
    publisher.send(start);
    assert.equal(await publisher.frames.next(), started);
  });
});
