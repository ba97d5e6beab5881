/** Every method of the published client against a gateway, over each subprotocol. */
import assert from 'node:assert/strict';
import {
  InvocationError,
  SendMessageError,
  WebPubSubClient,
  type OnGroupDataMessageArgs,
  type WebPubSubClientProtocol,
} from '@azure/web-pubsub-client';
import { createSdkClient, startSdkClient } from '../support/sdk-client.ts';
import { Inbox } from '../support/inbox.ts';
import {
  clientProtocols,
  groupDataUntilEnd,
  newService,
  rejection,
  testMethods,
  useGateway,
  type MethodTests,
} from './suite.ts';

const gateway = useGateway();

const lifetimeMethods = (protocol: WebPubSubClientProtocol) =>
  ({
    start: {
      holds: 'connects and says who one is, and rejects where the token is not accepted',
      run: async (t) => {
        const service = newService(gateway());
        const token = { userId: 'anna' };
        const { connectionId } = await startSdkClient(t, service, { protocol, token });
        assert.match(connectionId, /^[\w-]+/);
        assert.equal(await service.connectionExists(connectionId), true);
        const { url } = await service.getClientAccessToken();
        const refused = new WebPubSubClient(`${url}x`, {
          protocol,
          keepAliveIntervalInMs: 0,
          keepAliveTimeoutInMs: 0,
        });
        await assert.rejects(refused.start(), /401/);
      },
    },
    stop: {
      holds: 'ends the connection for good',
      run: async (t) => {
        const service = newService(gateway());
        const anna = await startSdkClient(t, service, { protocol });
        anna.client.stop();
        // It may try to come back, which the SDK gives up because it is stopping.
        await anna.stops.next();
        assert.equal(await service.connectionExists(anna.connectionId), false);
        assert.deepEqual(anna.reconnects.unread, []);
      },
    },
    on: {
      holds: 'reports connected with the connection and the user',
      run: async (t) => {
        const service = newService(gateway());
        const client = createSdkClient(service, { protocol, token: { userId: 'anna' } });
        t.after(() => client.stop());
        const events = new Inbox<{ connectionId: string; userId: string }>('connected events');
        client.on('connected', (event) => events.push(event));
        await client.start();
        const { connectionId, userId } = await events.next();
        assert.equal(userId, 'anna');
        assert.equal(await service.connectionExists(connectionId), true);
      },
    },
    off: {
      holds: 'ends the reports',
      run: async (t) => {
        const service = newService(gateway());
        const anna = await startSdkClient(t, service, { protocol, token: { groups: ['g'] } });
        const seen: unknown[] = [];
        const listener = ({ message }: OnGroupDataMessageArgs) => seen.push(message.data);
        anna.client.on('group-message', listener);
        await service.group('g').sendToAll('first');
        assert.equal((await anna.groupMessages.next()).data, 'first');
        anna.client.off('group-message', listener);
        await service.group('g').sendToAll('second');
        assert.equal((await anna.groupMessages.next()).data, 'second');
        assert.deepEqual(seen, ['first']);
      },
    },
  }) satisfies Partial<MethodTests<WebPubSubClient>>;

const groupMethods = (protocol: WebPubSubClientProtocol) =>
  ({
    joinGroup: {
      holds: 'makes one a member and is acknowledged, every time',
      run: async (t) => {
        const service = newService(gateway());
        const anna = await startSdkClient(t, service, { protocol });
        const first = await anna.client.joinGroup('g');
        assert.deepEqual(first, { ackId: 1, isDuplicated: false });
        assert.deepEqual(await anna.client.joinGroup('g'), { ackId: 2, isDuplicated: false });
        await service.group('g').sendToAll('once');
        await service.group('g').sendToAll('end');
        assert.deepEqual(await groupDataUntilEnd(anna), ['once']);
      },
    },
    leaveGroup: {
      holds: 'ends the membership, and succeeds where there is none',
      run: async (t) => {
        const service = newService(gateway());
        const anna = await startSdkClient(t, service, { protocol });
        await anna.client.joinGroup('g');
        await anna.client.joinGroup('h');
        assert.equal((await anna.client.leaveGroup('g')).isDuplicated, false);
        assert.equal((await anna.client.leaveGroup('never joined')).isDuplicated, false);
        await service.group('g').sendToAll('missed');
        await service.group('h').sendToAll('end');
        assert.deepEqual(await groupDataUntilEnd(anna), []);
      },
    },
    sendToGroup: {
      holds: 'reaches members with the sender, the sender too unless it wants no echo',
      run: async (t) => {
        const service = newService(gateway());
        const token = { groups: ['g'] };
        const anna = await startSdkClient(t, service, {
          protocol,
          token: { userId: 'anna', ...token },
        });
        const nobody = await startSdkClient(t, service, { protocol, token });
        const outside = await startSdkClient(t, service, { protocol });
        await anna.client.sendToGroup('g', 'with echo', 'text');
        await anna.client.sendToGroup('g', 'no echo', 'text', { noEcho: true });
        await nobody.client.sendToGroup('g', { of: 'nobody' }, 'json', { fireAndForget: true });
        // One need not be a member to send.
        const result = await outside.client.sendToGroup('g', 'from outside', 'text');
        assert.deepEqual(result, { ackId: 1, isDuplicated: false });
        const seenByNobody = await nobody.groupMessages.take(4);
        assert.deepEqual(
          seenByNobody.map(({ data, fromUserId, group }) => ({ data, fromUserId, group })),
          [
            { data: 'with echo', fromUserId: 'anna', group: 'g' },
            { data: 'no echo', fromUserId: 'anna', group: 'g' },
            { data: { of: 'nobody' }, fromUserId: null, group: 'g' },
            { data: 'from outside', fromUserId: null, group: 'g' },
          ],
        );
        const seenByAnna = await anna.groupMessages.take(3);
        assert.deepEqual(
          seenByAnna.map(({ data }) => data),
          ['with echo', { of: 'nobody' }, 'from outside'],
        );
        assert.deepEqual(outside.groupMessages.unread, []);
      },
    },
    openGroupStream: {
      holds: 'writes fragments of three types that arrive in order, and an end',
      run: async (t) => {
        const service = newService(gateway());
        const anna = await startSdkClient(t, service, { protocol, token: { groups: ['g'] } });
        const writer = await anna.client.openGroupStream('g', { streamId: 's1' });
        assert.equal(writer.streamId, 's1');
        await writer.write('text', 'text');
        await writer.write({ n: 1 }, 'json');
        await writer.write(new Uint8Array([0, 255]).buffer, 'binary');
        await writer.end();
        const messages = await anna.groupMessages.take(4);
        assert.deepEqual(
          messages.map(({ data, stream }) => [
            data,
            stream?.streamId,
            stream?.streamSequenceId,
            stream?.endOfStream,
          ]),
          [
            ['text', 's1', 1, undefined],
            [{ n: 1 }, 's1', 2, undefined],
            [new Uint8Array([0, 255]).buffer, 's1', 3, undefined],
            ['', 's1', 4, true],
          ],
        );
      },
    },
    onGroupStream: {
      holds: 'iterates the fragments of a stream to its end, of the named groups only',
      run: async (t) => {
        const service = newService(gateway());
        const groups = ['g', 'h'];
        const anna = await startSdkClient(t, service, { protocol, token: { userId: 'anna' } });
        const ben = await startSdkClient(t, service, { protocol, token: { groups } });
        const streams = new Inbox<readonly unknown[]>('streams');
        const subscription = ben.client.onGroupStream(
          async (stream) => {
            const data = [];
            for await (const fragment of stream) data.push(fragment.data);
            streams.push([stream.groupName, stream.streamId, data]);
          },
          { groupNames: ['h'] },
        );
        for (const group of groups) {
          const writer = await anna.client.openGroupStream(group, { streamId: `to ${group}` });
          await writer.write(1, 'json');
          await writer.write(2, 'json');
          await writer.end();
        }
        assert.deepEqual(await streams.next(), ['h', 'to h', [1, 2]]);
        await subscription.close();
        assert.deepEqual(streams.unread, []);
      },
    },
  }) satisfies Partial<MethodTests<WebPubSubClient>>;

const eventMethods = (protocol: WebPubSubClientProtocol) =>
  ({
    sendEvent: {
      holds: 'is refused with InvocationFailed where no handler takes the event',
      run: async (t) => {
        const anna = await startSdkClient(t, newService(gateway()), { protocol });
        for (const [data, dataType] of [
          ['text', 'text'],
          [{ n: 1 }, 'json'],
          [new Uint8Array([1]).buffer, 'binary'],
        ] as const) {
          const error = await rejection(anna.client.sendEvent('order', data, dataType));
          assert.ok(error instanceof SendMessageError);
          assert.equal(error.errorDetail?.name, 'InvocationFailed');
          assert.match(error.errorDetail.message, /'order'/);
        }
        const sent = await anna.client.sendEvent('order', 1, 'json', { fireAndForget: true });
        assert.deepEqual(sent, { isDuplicated: false });
        // The connection survives all of it.
        await anna.client.joinGroup('g');
      },
    },
    invokeEvent: {
      holds: 'is refused with InvocationFailed where no handler takes the event',
      run: async (t) => {
        const service = newService(gateway());
        const anna = await startSdkClient(t, service, { protocol });
        const options = { invocationId: 'call 7' };
        const call = anna.client.invokeEvent('price', { of: 'tea' }, 'json', options);
        const error = await rejection(call);
        assert.ok(error instanceof InvocationError);
        assert.equal(error.invocationId, 'call 7');
        assert.equal(error.errorDetail?.name, 'InvocationFailed');
        assert.match(error.errorDetail.message, /'price'/);
        const aborted = { abortSignal: AbortSignal.abort() };
        await assert.rejects(anna.client.invokeEvent('price', 1, 'json', aborted));
        await anna.client.joinGroup('g');
      },
    },
  }) satisfies Partial<MethodTests<WebPubSubClient>>;

for (const protocol of clientProtocols) {
  testMethods<WebPubSubClient>(
    `WebPubSubClient over ${protocol.name}`,
    () => createSdkClient(newService(gateway()), { protocol }),
    { ...lifetimeMethods(protocol), ...groupMethods(protocol), ...eventMethods(protocol) },
  );
}
