/** The hooks on a server: they render what is known there, and touch nothing. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createElement, type ReactElement } from 'react';
import { renderToString } from 'react-dom/server';
import { createClient } from '../../../../client-sdk/src/index.ts';
import {
  TrunklineProvider,
  useConnectionState,
  useGroup,
  useHubMessages,
  useMessages,
  useOnline,
  usePresence,
  useSubscription,
  useUserMessages,
} from '../../../../client-sdk/src/react/index.ts';

function Room(): ReactElement {
  const { isLoading, messages, state } = useGroup('room.1', { history: 5 });
  const connection = useConnectionState();
  const { members } = usePresence('room.1');
  const { isCurrent } = useOnline();
  useMessages('room.1', () => assert.fail('no messages on a server'));
  useSubscription('room.1', { state: () => assert.fail('no changes on a server') });
  useUserMessages(() => assert.fail('no messages on a server'));
  useHubMessages(() => assert.fail('no messages on a server'));
  const online = [members.size, isCurrent];
  const text = [connection, state, messages.length, isLoading, ...online].join(' ');
  return createElement('p', null, text);
}

describe('React hooks on a server', () => {
  test('react: renderToString works without a WebSocket and asks for no token', () => {
    const given = Object.getOwnPropertyDescriptor(globalThis, 'WebSocket');
    Object.defineProperty(globalThis, 'WebSocket', { value: undefined, configurable: true });
    try {
      const client = createClient({
        url: 'wss://gateway.example/client/hubs/chat',
        getToken: () => assert.fail('a server asks for no token'),
        autoConnect: false,
      });
      const app = createElement(TrunklineProvider, { client }, createElement(Room));
      assert.equal(renderToString(app), '<p>idle joining 0 true 0 false</p>');
      assert.equal(client.state, 'idle');
      assert.throws(() => client.connect(), { code: 'bad-option' });
      assert.equal(client.state, 'idle');
    } finally {
      if (given === undefined) Reflect.deleteProperty(globalThis, 'WebSocket');
      else Object.defineProperty(globalThis, 'WebSocket', given);
    }
  });

  test('react: without a provider a hook says what is missing', () => {
    assert.throws(() => renderToString(createElement(Room)), /<TrunklineProvider client=/);
  });
});
