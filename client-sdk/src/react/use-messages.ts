/** Listeners that live as long as a component. */
import { useEffect, useMemo, useRef } from 'react';
import type { Channel, ChannelEvents } from '../channel.ts';
import type { Client } from '../client.ts';
import type { Gap, Message } from '../messages.ts';
import { Lease } from './lease.ts';
import { useClient } from './provider.ts';

/** New functions at each render are fine: the newest ones are called. */
export type Listeners<Payload = unknown> = {
  readonly [Name in keyof ChannelEvents<Payload>]?: (
    event: ChannelEvents<Payload>[Name],
  ) => unknown;
};

/** In the group while the component is mounted, with these listeners. */
export function useSubscription<Payload = unknown>(
  name: string,
  listeners: Listeners<Payload>,
): void {
  const client = useClient();
  const lease = useMemo(
    () =>
      new Lease(
        () => client.group(name),
        (group) => group.leave(),
      ),
    [client, name],
  );
  const newest = useNewest(listeners);
  useEffect(() => {
    const release = lease.use();
    const off = listen(lease.held, newest);
    return () => {
      off();
      release();
    };
  }, [lease, newest]);
}

/** `useSubscription` for messages alone. */
export function useMessages<Payload = unknown>(
  name: string,
  onMessage: (message: Message<Payload>) => unknown,
): void {
  useSubscription<Payload>(name, { message: onMessage });
}

/** Messages to the user and to this connection, while the component is mounted. */
export function useUserMessages<Payload = unknown>(
  onMessage: (message: Message<Payload>) => unknown,
  onGap?: (gap: Gap) => unknown,
): void {
  useChannel((client) => client.user(), { message: onMessage, ...(onGap && { gap: onGap }) });
}

/** Messages to all of the hub, while the component is mounted. */
export function useHubMessages<Payload = unknown>(
  onMessage: (message: Message<Payload>) => unknown,
  onGap?: (gap: Gap) => unknown,
): void {
  useChannel((client) => client.hub(), { message: onMessage, ...(onGap && { gap: onGap }) });
}

function useChannel<Payload>(
  pick: (client: Client) => Channel,
  listeners: Listeners<Payload>,
): void {
  const channel = pick(useClient());
  const newest = useNewest(listeners);
  useEffect(() => listen(channel, newest), [channel, newest]);
}

/** The same object at each render, with the listeners of the newest one that is shown. */
function useNewest<Payload>(listeners: Listeners<Payload>): { current: Listeners<Payload> } {
  const newest = useRef(listeners);
  useEffect(() => {
    newest.current = listeners;
  });
  return newest;
}

function listen<Payload>(
  channel: Pick<Channel, 'on'> | undefined,
  newest: { readonly current: Listeners<Payload> },
): () => void {
  // The hook's caller says what the channel carries.
  const typed = channel as Pick<Channel<Payload>, 'on'> | undefined;
  const offs = [
    typed?.on('message', (message) => newest.current.message?.(message)),
    typed?.on('gap', (gap) => newest.current.gap?.(gap)),
    typed?.on('state', (change) => newest.current.state?.(change)),
  ];
  return () => {
    for (const off of offs) off?.();
  };
}
