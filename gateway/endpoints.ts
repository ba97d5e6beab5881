/** Under which URLs clients and servers know this gateway. */

/** The configured ones, or what it listens on; a node on loopback is known as localhost, too. */
export function endpointsOf(publicEndpoints: readonly string[], url: string): readonly string[] {
  return publicEndpoints.length > 0 ? publicEndpoints : loopbackNames(url);
}

function loopbackNames(url: string): readonly string[] {
  const { hostname, port, protocol } = new URL(url);
  const isLoopback = ['127.0.0.1', '0.0.0.0', '[::1]', 'localhost'].includes(hostname);
  if (!isLoopback) return [url];
  return [url, `${protocol}//localhost:${port}`, `${protocol}//127.0.0.1:${port}`];
}
