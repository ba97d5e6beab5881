/** The state of the connection, as React sees it. */
import { useCallback, useSyncExternalStore } from 'react';
import type { ConnectionState } from '../connection-states.ts';
import { useClient } from './provider.ts';

/** `idle` on a server, and in the page until it has taken over what the server rendered. */
export function useConnectionState(): ConnectionState {
  const client = useClient();
  const subscribe = useCallback((onChange: () => void) => client.on('state', onChange), [client]);
  return useSyncExternalStore(
    subscribe,
    () => client.state,
    () => 'idle',
  );
}
