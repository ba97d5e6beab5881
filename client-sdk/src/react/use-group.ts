/** A group in a component: its state and newest messages, and what can be done with it. */
import { useMemo, useSyncExternalStore } from 'react';
import { GroupStore, type GroupView, type UseGroupOptions } from './group-store.ts';
import { useClient } from './provider.ts';

export interface UsedGroup<Payload = unknown>
  extends GroupView<Payload>, Pick<GroupStore<Payload>, 'publish' | 'history'> {}

/**
 * In the group while the component is mounted. On a server: `joining`, without messages. Options
 * count when the component is mounted, and with another name or client.
 */
export function useGroup<Payload = unknown>(
  name: string,
  options: UseGroupOptions = {},
): UsedGroup<Payload> {
  const client = useClient();
  const { history, messagesMax } = options;
  const store = useMemo(
    () => new GroupStore<Payload>(client, name, { history, messagesMax }),
    [client, name, history, messagesMax],
  );
  const view = useSyncExternalStore(store.subscribe, store.getView, store.getView);
  return useMemo(
    () => ({ ...view, publish: store.publish, history: store.history }),
    [store, view],
  );
}
