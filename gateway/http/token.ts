/** The handler that signs client tokens for backends that do not hold the access key. */
import { shown } from '../protocol/shown.ts';
import { signClientToken } from '../tokens/sign.ts';
import { endpointOf, json, type Handler } from './call.ts';
import { InvalidArgument } from './errors.ts';

/** Some hundred years: whoever needs longer has made a mistake of units. */
const minutesMax = 60_000_000;

export const generateClientToken: Handler = (call, { accessKeys, clock, endpoints }) => {
  const { hub, query } = call;
  const clientType = query.text('clientType') ?? 'Default';
  if (clientType.toLowerCase() !== 'default') {
    throw new InvalidArgument(
      'clientType',
      `clientType must be Default, got ${shown(clientType)}: MQTT and Socket.IO are not supported.`,
    );
  }
  const userId = query.text('userId');
  const roles = query.list('role');
  const groups = query.list('group').map((name) => call.checkedGroup('group', name));
  const [accessKey] = accessKeys;
  if (accessKey === undefined) throw new Error('the gateway has no access key');
  return json(200, {
    token: signClientToken({
      accessKey,
      endpoint: endpointOf(call.request, endpoints()),
      hub,
      userId: userId === undefined ? undefined : call.checkedUserId(userId),
      roles: roles.length > 0 ? roles : undefined,
      groups: groups.length > 0 ? groups : undefined,
      minutesToExpire: query.integer('minutesToExpire', { min: 1, max: minutesMax }),
      nowSeconds: clock.wallSeconds(),
    }),
  });
};
