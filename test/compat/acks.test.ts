/** Acknowledgements as the client sees them: duplicates, refusals, and trying again. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SendMessageError } from '@azure/web-pubsub-client';
import { startSdkClient } from '../support/sdk-client.ts';
import { clientProtocols, groupDataUntilEnd, newService, rejection, useGateway } from './suite.ts';

const gateway = useGateway({ limits: { groupsPerConnectionMax: 2 } });

async function sendError(operation: Promise<unknown>): Promise<SendMessageError> {
  const error = await rejection(operation);
  assert.ok(error instanceof SendMessageError);
  return error;
}

for (const protocol of clientProtocols) {
  describe(`acks over ${protocol.name}`, () => {
    test('Duplicate: an acknowledged ackId is not executed again', async (t) => {
      const service = newService(gateway());
      const anna = await startSdkClient(t, service, { protocol, token: { groups: ['g'] } });
      const { client } = anna;
      const first = await client.sendToGroup('g', 'once', 'text', { ackId: 77 });
      assert.deepEqual(first, { ackId: 77, isDuplicated: false });
      const second = await client.sendToGroup('g', 'again', 'text', { ackId: 77 });
      assert.deepEqual(second, { ackId: 77, isDuplicated: true });
      // Ids are shared by all operations of a connection.
      const third = await client.leaveGroup('g', { ackId: 77 });
      assert.deepEqual(third, { ackId: 77, isDuplicated: true });
      await client.sendToGroup('g', 'end', 'text');
      assert.deepEqual(await groupDataUntilEnd(anna), ['once']);
    });

    test('Duplicate: another connection may use the same ackId', async (t) => {
      const service = newService(gateway());
      for (let n = 0; n < 2; n += 1) {
        const { client } = await startSdkClient(t, service, { protocol });
        const result = await client.joinGroup('g', { ackId: 1000 });
        assert.deepEqual(result, { ackId: 1000, isDuplicated: false });
      }
    });

    test('Forbidden: the error names what is missing, and the id may be used again', async (t) => {
      const service = newService(gateway());
      const token = { userId: 'anna', roles: [] };
      const { client, connectionId } = await startSdkClient(t, service, { protocol, token });
      const operations = [
        ['joinLeaveGroup', () => client.joinGroup('g', { ackId: 5 })],
        ['joinLeaveGroup', () => client.leaveGroup('g', { ackId: 6 })],
        ['sendToGroup', () => client.sendToGroup('g', 'x', 'text', { ackId: 7 })],
      ] as const;
      for (const [permission, operation] of operations) {
        const { errorDetail } = await sendError(operation());
        assert.equal(errorDetail?.name, 'Forbidden');
        assert.ok(errorDetail.message.includes(`webpubsub.${permission}.g`));
      }
      await service.grantPermission(connectionId, 'joinLeaveGroup');
      await service.grantPermission(connectionId, 'sendToGroup');
      for (const [, operation] of operations) {
        assert.equal((await operation()).isDuplicated, false);
      }
    });

    test('Forbidden: the client’s own retries take new ids and succeed once it is allowed', async (t) => {
      const service = newService(gateway());
      const { client, connectionId } = await startSdkClient(t, service, {
        protocol,
        token: { roles: [] },
        messageRetryOptions: { maxRetries: 1000, retryDelayInMs: 5 },
      });
      const joining = client.joinGroup('g');
      await service.grantPermission(connectionId, 'joinLeaveGroup', { targetName: 'g' });
      const { isDuplicated } = await joining;
      assert.equal(isDuplicated, false);
      assert.equal(await service.groupExists('g'), true);
    });

    test('fire and forget: a refused message is not answered and harms nothing', async (t) => {
      const service = newService(gateway());
      const token = { roles: ['webpubsub.joinLeaveGroup'], groups: ['g'] };
      const anna = await startSdkClient(t, service, { protocol, token });
      await anna.client.sendToGroup('g', 'refused', 'text', { fireAndForget: true });
      await anna.client.joinGroup('h');
      await service.group('g').sendToAll('end');
      assert.deepEqual(await groupDataUntilEnd(anna), []);
    });

    test('bounds: one more group than groupsPerConnectionMax is refused', async (t) => {
      const { client } = await startSdkClient(t, newService(gateway()), { protocol });
      await client.joinGroup('a');
      await client.joinGroup('b');
      await client.joinGroup('b');
      const { errorDetail } = await sendError(client.joinGroup('c'));
      assert.equal(errorDetail?.name, 'BadRequest');
      assert.match(errorDetail.message, /groupsPerConnectionMax/);
      await client.leaveGroup('a');
      await client.joinGroup('c');
    });

    test('order: many unacknowledged messages of one sender arrive in their order', async (t) => {
      const service = newService(gateway());
      const anna = await startSdkClient(t, service, { protocol, token: { groups: ['g'] } });
      const numbers = Array.from({ length: 500 }, (_, index) => index);
      const sends = numbers.map((n) => anna.client.sendToGroup('g', n, 'json'));
      const results = await Promise.all(sends);
      assert.ok(results.every(({ isDuplicated }) => !isDuplicated));
      await anna.client.sendToGroup('g', 'end', 'text');
      assert.deepEqual(await groupDataUntilEnd(anna), numbers);
    });
  });
}
