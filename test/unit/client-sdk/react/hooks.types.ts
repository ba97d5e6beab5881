/**
 * What must and must not compile with the hooks of a schema. Nothing here runs: the compiler is the
 * test, for it refuses an expected error that is none.
 */
import { createElement, type ReactElement } from 'react';
import { createClient, type ClientOptions } from '../../../../client-sdk/src/index.ts';
import { hooksFor, TrunklineProvider } from '../../../../client-sdk/src/react/index.ts';

interface Schema {
  'room:{id}': { readonly text: string };
  'board:{id}': { readonly x: number };
  '@user': { readonly unread: number };
}

const hooks = hooksFor<Schema>();

export function typedHooks(): number {
  const room = hooks.useGroup('room:1', { history: 5 });
  room.publish({ text: 'hi' }).catch(() => undefined);
  // @ts-expect-error: the payload of another group
  room.publish({ x: 1 }).catch(() => undefined);
  // @ts-expect-error: no pattern has this name
  hooks.useGroup('rooms:1');
  // @ts-expect-error: there is no such option
  hooks.useGroup('room:1', { newest: 5 });
  hooks.useMessages('board:1', ({ data }) => data.x + 1);
  // @ts-expect-error: messages of this group have no such property
  hooks.useMessages('board:1', ({ data }) => data.text);
  hooks.useSubscription('room:1', {
    gap: ({ reason }) => reason,
    message: ({ data }) => data.text,
  });
  // @ts-expect-error: there is no such event
  hooks.useSubscription('room:1', { messages: () => undefined });
  hooks.useUserMessages(({ data }) => data.unread + 1);
  // @ts-expect-error: this is no number
  const unread: number = hooks.useClient().user().position;
  return unread + room.messages.reduce((sum, { data }) => sum + data.text.length, 0);
}

export function typedProviders(options: ClientOptions<Schema>): readonly ReactElement[] {
  const client = createClient<Schema>(options);
  const other = createClient<{ lobby: string }>({ ...options, validators: {} });
  return [
    createElement(TrunklineProvider, { client }),
    createElement(TrunklineProvider, { client: other }),
    createElement(hooks.TrunklineProvider, { client }),
    // @ts-expect-error: a client of another schema
    createElement(hooks.TrunklineProvider, { client: other }),
    // @ts-expect-error: the client is missing
    createElement(TrunklineProvider, {}),
  ];
}
