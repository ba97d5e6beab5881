/** A small application of the React hooks, rendered on a server and in a page by the test. */
import { createElement, StrictMode, useState, type ReactElement } from 'react';
import type { Client } from '../../client-sdk/src/index.ts';
import { hooksFor, useOnline, usePresence } from '../../client-sdk/src/react/index.ts';

export interface Schema {
  'room.{id}': string;
  '@user': string;
}

const { TrunklineProvider, useConnectionState, useGroup, useMessages, useUserMessages } =
  hooksFor<Schema>();

/** What the room shows, as lines of text. */
function Room({ title }: { readonly title: string }): ReactElement {
  const room = useGroup('room.1', { history: 3 });
  const [heard, setHeard] = useState<readonly string[]>([]);
  const [told, setTold] = useState<readonly string[]>([]);
  useMessages('room.1', ({ data }) => setHeard((before) => [...before, data]));
  useUserMessages(({ data }) => setTold((before) => [...before, data]));
  const send = (): void => {
    room.publish('from the page').catch((error: unknown) => console.error(error));
  };
  return createElement(
    'section',
    null,
    createElement('h1', null, title),
    createElement('p', { id: 'state' }, `${room.state}${room.isLoading ? ', loading' : ''}`),
    createElement('p', { id: 'list' }, room.messages.map(({ data }) => data).join(' ')),
    createElement('p', { id: 'heard' }, heard.join(' ')),
    createElement('p', { id: 'told' }, told.join(' ')),
    createElement('button', { id: 'send', onClick: send }, 'send'),
  );
}

/** Who is in the room and what they say, and who is online. */
function People(): ReactElement {
  const { members, setState } = usePresence('room.1');
  const hub = useOnline();
  const text = [...members.values()]
    .map(({ state, userId }) => [userId, state['mood']].join(''))
    .toSorted();
  return createElement(
    'section',
    null,
    createElement('p', { id: 'people' }, text.join(' ')),
    createElement('p', { id: 'online' }, [...hub.members.keys()].toSorted().join(' ')),
    createElement('button', { id: 'smile', onClick: () => setState({ mood: ':-)' }) }, 'smile'),
  );
}

function Pages(): ReactElement {
  const [page, setPage] = useState('first');
  const connection = useConnectionState();
  const link = (name: string): ReactElement =>
    createElement('button', { key: name, id: name, onClick: () => setPage(name) }, name);
  return createElement(
    'main',
    null,
    createElement('p', { id: 'connection' }, connection),
    ['first', 'second', 'crowd', 'none'].map(link),
    page === 'crowd' ? createElement(People) : null,
    ['first', 'second'].includes(page) ? createElement(Room, { key: page, title: page }) : null,
  );
}

export function App({ client }: { readonly client: Client<Schema> }): ReactElement {
  return createElement(
    StrictMode,
    null,
    // Children are given as properties: the compiler then holds them to their types.
    createElement(TrunklineProvider, { client, children: createElement(Pages) }),
  );
}
