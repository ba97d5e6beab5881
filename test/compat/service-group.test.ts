/** Every method of the published service client's group against a gateway. */
import assert from 'node:assert/strict';
import type { WebPubSubGroup } from '@azure/web-pubsub';
import { startSdkClient } from '../support/sdk-client.ts';
import {
  groupDataUntilEnd,
  newService,
  serverDataUntilEnd,
  testMethods,
  useGateway,
  type MethodTests,
} from './suite.ts';

const gateway = useGateway();

const methods: MethodTests<WebPubSubGroup> = {
  addConnection: {
    holds: 'makes the connection a member, once, and is 404 for one that is not there',
    run: async (t) => {
      const service = newService(gateway());
      const anna = await startSdkClient(t, service);
      const group = service.group('g');
      await group.addConnection(anna.connectionId);
      await group.addConnection(anna.connectionId);
      await group.sendToAll('once');
      await group.sendToAll('end');
      assert.deepEqual(await groupDataUntilEnd(anna), ['once']);
      await assert.rejects(group.addConnection('not there'), { statusCode: 404 });
    },
  },
  removeConnection: {
    holds: 'takes the connection out, and succeeds for one that is not there',
    run: async (t) => {
      const service = newService(gateway());
      const anna = await startSdkClient(t, service, { token: { groups: ['g'] } });
      const group = service.group('g');
      assert.equal(await service.groupExists('g'), true);
      await group.removeConnection(anna.connectionId);
      assert.equal(await service.groupExists('g'), false);
      await group.removeConnection(anna.connectionId);
      await group.removeConnection('not there');
    },
  },
  closeAllConnections: {
    holds: 'closes the members with the reason, and nobody else',
    run: async (t) => {
      const service = newService(gateway());
      const token = { groups: ['g'] };
      const anna = await startSdkClient(t, service, { autoReconnect: false, token });
      const ben = await startSdkClient(t, service);
      await service.group('g').closeAllConnections({ reason: 'the room is closed' });
      const event = await anna.disconnects.next();
      assert.equal(event.message?.message, 'the room is closed');
      assert.equal(await service.groupExists('g'), false);
      assert.equal(await service.connectionExists(ben.connectionId), true);
    },
  },
  addUser: {
    holds: 'makes every connection of the user a member, and is 404 for a user without one',
    run: async (t) => {
      const service = newService(gateway());
      const token = { userId: 'anna' };
      const phone = await startSdkClient(t, service, { token });
      const laptop = await startSdkClient(t, service, { token });
      const ben = await startSdkClient(t, service, { token: { userId: 'ben' } });
      const group = service.group('g');
      await group.addUser('anna');
      await group.sendToAll('to anna');
      await service.sendToAll('end');
      for (const client of [phone, laptop]) {
        assert.equal((await client.groupMessages.next()).data, 'to anna');
      }
      await serverDataUntilEnd(ben);
      assert.deepEqual(ben.groupMessages.unread, []);
      await assert.rejects(group.addUser('carl'), { statusCode: 404 });
    },
  },
  removeUser: {
    holds: 'takes every connection of the user out, and succeeds for a user without one',
    run: async (t) => {
      const service = newService(gateway());
      const token = { userId: 'anna', groups: ['g'] };
      await startSdkClient(t, service, { token });
      await startSdkClient(t, service, { token });
      const group = service.group('g');
      assert.equal(await service.groupExists('g'), true);
      await group.removeUser('anna');
      assert.equal(await service.groupExists('g'), false);
      await group.removeUser('carl');
    },
  },
  sendToAll: {
    holds: 'reaches the members but the excluded and the filtered ones, in order',
    run: async (t) => {
      const service = newService(gateway());
      const token = { groups: ['g'] };
      const anna = await startSdkClient(t, service, { token: { userId: 'anna', ...token } });
      const ben = await startSdkClient(t, service, { token: { userId: 'ben', ...token } });
      const outside = await startSdkClient(t, service);
      const group = service.group('g');
      await group.sendToAll({ n: 1 });
      await group.sendToAll('text', { contentType: 'text/plain' });
      await group.sendToAll('not anna', { excludedConnections: [anna.connectionId] });
      await group.sendToAll('not ben', { filter: "userId ne 'ben'", messageTtlSeconds: 60 });
      await group.sendToAll('end');
      await service.sendToAll('end');
      assert.deepEqual(await groupDataUntilEnd(anna), [{ n: 1 }, 'text', 'not ben']);
      assert.deepEqual(await groupDataUntilEnd(ben), [{ n: 1 }, 'text', 'not anna']);
      await serverDataUntilEnd(outside);
      assert.deepEqual(outside.groupMessages.unread, []);
    },
  },
  listConnections: {
    holds: 'names the members and their users',
    run: async (t) => {
      const service = newService(gateway());
      const groups = ['g'];
      const anna = await startSdkClient(t, service, { token: { userId: 'anna', groups } });
      const nobody = await startSdkClient(t, service, { token: { groups } });
      await startSdkClient(t, service, { token: { userId: 'outside' } });
      const members = [];
      for await (const member of await service.group('g').listConnections()) members.push(member);
      const byId = new Map(members.map(({ connectionId, userId }) => [connectionId, userId]));
      const expected = [
        [anna.connectionId, 'anna'],
        [nobody.connectionId, undefined],
      ] as const;
      assert.deepEqual(byId, new Map(expected));
      assert.equal(members.length, 2);
    },
  },
};

testMethods('WebPubSubGroup', () => newService(gateway()).group('g'), methods);
