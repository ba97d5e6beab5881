/** Who is in a group, or online, in a component. */
import { useMemo, useSyncExternalStore } from 'react';
import type { Presence, PresenceSnapshot } from '../presence/index.ts';
import { PresenceStore } from './presence-store.ts';
import { useClient } from './provider.ts';

export interface UsedPresence extends PresenceSnapshot, Pick<Presence, 'setState'> {}

/**
 * In the group, and watching it, while the component is mounted. On a server: nobody.
 */
export function usePresence(name: string): UsedPresence {
  const store = useStore(name);
  const snapshot = useSnapshot(store);
  return useMemo(() => ({ ...snapshot, setState: store.setState }), [store, snapshot]);
}

/** Everybody in the hub, while the component is mounted; needs the role `trunkline.watchPresence`. */
export function useOnline(): PresenceSnapshot {
  return useSnapshot(useStore(undefined));
}

function useStore(name: string | undefined): PresenceStore {
  const client = useClient();
  return useMemo(() => new PresenceStore(client, name), [client, name]);
}

function useSnapshot(store: PresenceStore): PresenceSnapshot {
  return useSyncExternalStore(store.subscribe, store.get, store.getOnServer);
}
