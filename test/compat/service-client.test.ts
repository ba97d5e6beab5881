/** Every method of the published service client against a gateway. */
import assert from 'node:assert/strict';
import { AzureKeyCredential, WebPubSubServiceClient } from '@azure/web-pubsub';
import { FrameClient } from '../support/frame-client.ts';
import { startSdkClient } from '../support/sdk-client.ts';
import {
  groupDataUntilEnd,
  jsonSubprotocol,
  newService,
  serverDataUntilEnd,
  testMethods,
  useGateway,
  type MethodTests,
} from './suite.ts';

const gateway = useGateway();

const methods: MethodTests<WebPubSubServiceClient> = {
  group: {
    holds: 'gives a client of the group that knows its hub and name',
    run: async (t) => {
      const service = newService(gateway());
      const member = await startSdkClient(t, service, { token: { groups: ['g'] } });
      const group = service.group('g');
      assert.equal(group.groupName, 'g');
      assert.equal(group.hubName, service.hubName);
      await group.sendToAll({ hello: 'group' });
      const message = await member.groupMessages.next();
      assert.deepEqual(message.data, { hello: 'group' });
      assert.equal(message.group, 'g');
      assert.equal(message.fromUserId, null);
    },
  },
  sendToAll: {
    holds: 'reaches every connection but the excluded and the filtered ones',
    run: async (t) => {
      const service = newService(gateway());
      const anna = await startSdkClient(t, service, { token: { userId: 'anna' } });
      const ben = await startSdkClient(t, service, { token: { userId: 'ben' } });
      const nobody = await startSdkClient(t, service);
      await service.sendToAll({ to: 'all' });
      await service.sendToAll('text', { contentType: 'text/plain' });
      await service.sendToAll('not anna', { excludedConnections: [anna.connectionId] });
      const excludedConnections = [anna.connectionId, nobody.connectionId];
      await service.sendToAll('ben alone', { excludedConnections });
      await service.sendToAll('a user', { filter: 'userId ne null' });
      await service.sendToAll('soon', { messageTtlSeconds: 60 });
      await service.sendToAll('end');
      assert.deepEqual(await serverDataUntilEnd(anna), [{ to: 'all' }, 'text', 'a user', 'soon']);
      assert.deepEqual(await serverDataUntilEnd(ben), [
        { to: 'all' },
        'text',
        'not anna',
        'ben alone',
        'a user',
        'soon',
      ]);
      assert.deepEqual(await serverDataUntilEnd(nobody), [
        { to: 'all' },
        'text',
        'not anna',
        'soon',
      ]);
    },
  },
  sendToUser: {
    holds: 'reaches every connection of the user, narrowed by a filter, and nobody else',
    run: async (t) => {
      const service = newService(gateway());
      const phone = await startSdkClient(t, service, { token: { userId: 'anna', groups: ['p'] } });
      const laptop = await startSdkClient(t, service, { token: { userId: 'anna' } });
      const ben = await startSdkClient(t, service, { token: { userId: 'ben' } });
      await service.sendToUser('anna', { n: 1 });
      await service.sendToUser('anna', 'text', { contentType: 'text/plain' });
      await service.sendToUser('anna', 'phone', { filter: "'p' in groups", messageTtlSeconds: 60 });
      await service.sendToUser('carl', 'to nobody');
      await service.sendToAll('end');
      assert.deepEqual(await serverDataUntilEnd(phone), [{ n: 1 }, 'text', 'phone']);
      assert.deepEqual(await serverDataUntilEnd(laptop), [{ n: 1 }, 'text']);
      assert.deepEqual(await serverDataUntilEnd(ben), []);
    },
  },
  sendToConnection: {
    holds: 'reaches that connection, and is accepted for one that is not there',
    run: async (t) => {
      const service = newService(gateway());
      const phone = await startSdkClient(t, service, { token: { userId: 'anna' } });
      const laptop = await startSdkClient(t, service, { token: { userId: 'anna' } });
      await service.sendToConnection(phone.connectionId, [1, 'two', null]);
      const ttl = { contentType: 'text/plain', messageTtlSeconds: 60 } as const;
      await service.sendToConnection(phone.connectionId, 'text', ttl);
      await service.sendToConnection('there is no such connection', 'to nobody');
      await service.sendToAll('end');
      assert.deepEqual(await serverDataUntilEnd(phone), [[1, 'two', null], 'text']);
      assert.deepEqual(await serverDataUntilEnd(laptop), []);
    },
  },
  connectionExists: {
    holds: 'is true from connected to disconnected, and in the own hub only',
    run: async (t) => {
      const service = newService(gateway());
      const anna = await startSdkClient(t, service, { autoReconnect: false });
      assert.equal(await service.connectionExists(anna.connectionId), true);
      assert.equal(await newService(gateway()).connectionExists(anna.connectionId), false);
      anna.client.stop();
      await anna.stops.next();
      assert.equal(await service.connectionExists(anna.connectionId), false);
      assert.equal(await service.connectionExists('there is no such connection'), false);
    },
  },
  closeConnection: {
    holds: 'tells the client the reason and closes with 1000',
    run: async (t) => {
      const service = newService(gateway());
      const { url } = await service.getClientAccessToken();
      const client = await FrameClient.open(t, url, { subprotocols: [jsonSubprotocol] });
      const { connectionId } = (await client.nextJson()) as { connectionId: string };
      await service.closeConnection(connectionId, { reason: 'the shift is över' });
      assert.equal(
        await client.frames.next(),
        '{"type":"system","event":"disconnected","message":"the shift is över"}',
      );
      assert.equal((await client.closed()).code, 1000);
      await service.closeConnection(connectionId);
    },
  },
  closeAllConnections: {
    holds: 'closes every connection of the hub and of no other, with the reason',
    run: async (t) => {
      const service = newService(gateway());
      const other = newService(gateway());
      const anna = await startSdkClient(t, service, { autoReconnect: false });
      const ben = await startSdkClient(t, service, { autoReconnect: false });
      const elsewhere = await startSdkClient(t, other);
      await service.closeAllConnections({ reason: 'maintenance' });
      for (const { connectionId, disconnects } of [anna, ben]) {
        const event = await disconnects.next();
        assert.equal(event.connectionId, connectionId);
        assert.equal(event.message?.message, 'maintenance');
      }
      assert.equal(await other.connectionExists(elsewhere.connectionId), true);
    },
  },
  closeUserConnections: {
    holds: 'closes the connections of that user only, with the reason',
    run: async (t) => {
      const service = newService(gateway());
      const token = { userId: 'anna' };
      const phone = await startSdkClient(t, service, { autoReconnect: false, token });
      const laptop = await startSdkClient(t, service, { autoReconnect: false, token });
      const ben = await startSdkClient(t, service, { token: { userId: 'ben' } });
      await service.closeUserConnections('anna', { reason: 'blocked' });
      assert.equal((await phone.disconnects.next()).message?.message, 'blocked');
      assert.equal((await laptop.disconnects.next()).message?.message, 'blocked');
      assert.equal(await service.userExists('anna'), false);
      assert.equal(await service.connectionExists(ben.connectionId), true);
      await service.closeUserConnections('carl');
    },
  },
  removeUserFromAllGroups: {
    holds: 'takes every connection of the user out of every group',
    run: async (t) => {
      const service = newService(gateway());
      const groups = ['a', 'b'];
      const anna = await startSdkClient(t, service, { token: { userId: 'anna', groups } });
      const ben = await startSdkClient(t, service, { token: { userId: 'ben', groups: ['b'] } });
      await service.removeUserFromAllGroups('anna');
      assert.equal(await service.groupExists('a'), false);
      await service.group('b').sendToAll('ben alone');
      assert.equal((await ben.groupMessages.next()).data, 'ben alone');
      await service.sendToAll('end');
      await serverDataUntilEnd(anna);
      assert.deepEqual(anna.groupMessages.unread, []);
      await service.removeUserFromAllGroups('carl');
    },
  },
  removeConnectionFromAllGroups: {
    holds: 'takes that connection out of every group',
    run: async (t) => {
      const service = newService(gateway());
      const token = { userId: 'anna', groups: ['a', 'b'] };
      const phone = await startSdkClient(t, service, { token });
      const laptop = await startSdkClient(t, service, { token });
      await service.removeConnectionFromAllGroups(phone.connectionId);
      await service.group('a').sendToAll('a');
      await service.group('b').sendToAll('b');
      await service.sendToAll('end');
      assert.deepEqual(
        (await laptop.groupMessages.take(2)).map(({ data }) => data),
        ['a', 'b'],
      );
      await serverDataUntilEnd(phone);
      assert.deepEqual(phone.groupMessages.unread, []);
      await service.removeConnectionFromAllGroups('there is no such connection');
    },
  },
  addConnectionsToGroups: {
    holds: 'puts the connections that match the filter into every group',
    run: async (t) => {
      const service = newService(gateway());
      const anna = await startSdkClient(t, service, { token: { userId: 'anna' } });
      const ben = await startSdkClient(t, service, { token: { userId: 'ben' } });
      await service.addConnectionsToGroups(['a', 'b'], "startswith(userId, 'an')");
      await service.addConnectionsToGroups(['c'], "'a' in groups or userId eq 'ben'");
      for (const group of ['a', 'b', 'c']) await service.group(group).sendToAll(group);
      await service.group('c').sendToAll('end');
      assert.deepEqual(await groupDataUntilEnd(anna), ['a', 'b', 'c']);
      assert.deepEqual(await groupDataUntilEnd(ben), ['c']);
    },
  },
  removeConnectionsFromGroups: {
    holds: 'takes the connections that match the filter out of every group',
    run: async (t) => {
      const service = newService(gateway());
      const groups = ['a', 'b', 'c'];
      const anna = await startSdkClient(t, service, { token: { userId: 'anna', groups } });
      const ben = await startSdkClient(t, service, { token: { userId: 'ben', groups } });
      await service.removeConnectionsFromGroups(['a', 'b', 'd'], "userId eq 'anna'");
      for (const group of ['a', 'b', 'c']) await service.group(group).sendToAll(group);
      await service.group('c').sendToAll('end');
      assert.deepEqual(await groupDataUntilEnd(anna), ['c']);
      assert.deepEqual(await groupDataUntilEnd(ben), ['a', 'b', 'c']);
    },
  },
  groupExists: {
    holds: 'is true while the group has a member',
    run: async (t) => {
      const service = newService(gateway());
      assert.equal(await service.groupExists('g'), false);
      const anna = await startSdkClient(t, service);
      await anna.client.joinGroup('g');
      assert.equal(await service.groupExists('g'), true);
      assert.equal(await service.groupExists('G'), false);
      await anna.client.leaveGroup('g');
      assert.equal(await service.groupExists('g'), false);
    },
  },
  userExists: {
    holds: 'is true while the user has a connection',
    run: async (t) => {
      const service = newService(gateway());
      const token = { userId: 'anna' };
      const anna = await startSdkClient(t, service, { autoReconnect: false, token });
      assert.equal(await service.userExists('anna'), true);
      assert.equal(await service.userExists('Anna'), false);
      anna.client.stop();
      await anna.stops.next();
      assert.equal(await service.userExists('anna'), false);
    },
  },
  grantPermission: {
    holds: 'lets a connection do to a group, or to every group, what its token does not',
    run: async (t) => {
      const service = newService(gateway());
      const { client, connectionId } = await startSdkClient(t, service, { token: { roles: [] } });
      await assert.rejects(client.joinGroup('a'));
      await service.grantPermission(connectionId, 'joinLeaveGroup', { targetName: 'a' });
      await client.joinGroup('a');
      await assert.rejects(client.joinGroup('b'));
      await service.grantPermission(connectionId, 'joinLeaveGroup');
      await client.joinGroup('b');
      await assert.rejects(client.sendToGroup('b', 'x', 'text'));
      await service.grantPermission(connectionId, 'sendToGroup', { targetName: 'b' });
      await client.sendToGroup('b', 'x', 'text');
    },
  },
  revokePermission: {
    holds: 'takes back what was granted, and succeeds for a connection that is not there',
    run: async (t) => {
      const service = newService(gateway());
      const { client, connectionId } = await startSdkClient(t, service);
      await client.sendToGroup('a', 'x', 'text');
      await service.revokePermission(connectionId, 'sendToGroup');
      await assert.rejects(client.sendToGroup('a', 'x', 'text'));
      const target = { targetName: 'a' };
      await service.grantPermission(connectionId, 'sendToGroup', target);
      await client.sendToGroup('a', 'x', 'text');
      await service.revokePermission(connectionId, 'sendToGroup', target);
      await assert.rejects(client.sendToGroup('a', 'x', 'text'));
      await service.revokePermission('there is no such connection', 'sendToGroup', target);
    },
  },
  hasPermission: {
    holds: 'knows the permissions of the token and the granted ones',
    run: async (t) => {
      const service = newService(gateway());
      const roles = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup.a'];
      const { connectionId } = await startSdkClient(t, service, { token: { roles } });
      const may = (permission: 'joinLeaveGroup' | 'sendToGroup', targetName?: string) =>
        service.hasPermission(
          connectionId,
          permission,
          targetName === undefined ? {} : { targetName },
        );
      assert.equal(await may('joinLeaveGroup'), true);
      assert.equal(await may('joinLeaveGroup', 'a'), true);
      assert.equal(await may('sendToGroup'), false);
      assert.equal(await may('sendToGroup', 'a'), true);
      assert.equal(await may('sendToGroup', 'b'), false);
      await service.grantPermission(connectionId, 'sendToGroup');
      assert.equal(await may('sendToGroup'), true);
      assert.equal(await may('sendToGroup', 'b'), true);
      assert.equal(await service.hasPermission('not there', 'sendToGroup'), false);
    },
  },
  getClientAccessToken: {
    holds: 'makes a URL by which the client is connected as the user with roles and groups',
    run: async (t) => {
      const { accessKey, url } = gateway();
      const byKey = new WebPubSubServiceClient(url, new AzureKeyCredential(accessKey), 'keyed', {
        allowInsecureConnection: true,
      });
      const token = { userId: 'anna', groups: ['g'], roles: ['webpubsub.sendToGroup.g'] };
      const anna = await startSdkClient(t, byKey, { token });
      await anna.client.sendToGroup('g', 'to the group of the token', 'text');
      const message = await anna.groupMessages.next();
      assert.equal(message.data, 'to the group of the token');
      assert.equal(message.fromUserId, 'anna');
    },
  },
};

testMethods('WebPubSubServiceClient', () => newService(gateway()), methods);
