/** Gives a client to the components below, and connects it while there are any. */
import { createContext, createElement, useContext, useEffect } from 'react';
import type { ReactElement, ReactNode } from 'react';
import type { Client } from '../client.ts';
import { Lease } from './lease.ts';

/** A client with any schema. */
export type AnyClient = Pick<Client, 'state' | 'connect' | 'close' | 'on'>;

export interface TrunklineProviderProps<Provided extends AnyClient = AnyClient> {
  /**
   * Made with `autoConnect: false`, it is connected when the page shows the provider, never on a
   * server, and closed after the last provider of it is gone. One that was connected otherwise is
   * left as it is.
   */
  readonly client: Provided;
  readonly children?: ReactNode;
}

const ClientContext = /* @__PURE__ */ createContext<Client | undefined>(undefined);

/** By client, for there may be several providers of it. */
const leases = /* @__PURE__ */ new WeakMap<Client, Lease<boolean>>();

export function TrunklineProvider(props: TrunklineProviderProps): ReactElement {
  // Below, the schema is what the hooks are told: `hooksFor`.
  const client = props.client as Client;
  useEffect(() => leaseOf(client).use(), [client]);
  return createElement(ClientContext.Provider, { value: client }, props.children);
}

/** The client of the nearest provider. @throws Error where there is none. */
export function useClient(): Client {
  const client = useContext(ClientContext);
  if (client !== undefined) return client;
  throw new Error('No client: put the component into a <TrunklineProvider client={...}>');
}

/** Holds true while this is what has connected the client. */
function leaseOf(client: Client): Lease<boolean> {
  const known = leases.get(client);
  if (known !== undefined) return known;
  let isClosedHere = false;
  const lease = new Lease(
    () => {
      const isOurs = isClosedHere || client.state === 'idle';
      isClosedHere = false;
      if (isOurs) client.connect();
      return isOurs;
    },
    (isOurs) => {
      isClosedHere = isOurs;
      if (isOurs) client.close();
    },
  );
  leases.set(client, lease);
  return lease;
}
