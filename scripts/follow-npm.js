/**
 * Ends this process with npm. On most systems npm runs a script through a shell that does not pass
 * signals on: whoever ends `npm start` by a signal would leave a gateway behind that nobody sees.
 */
const pollMs = 200;
/** Read when the script starts: npm may be gone already when the gateway is built and ready. */
const parent = process.ppid;

/** Sends this process SIGTERM when the shell between npm and it is gone. */
export function followNpm() {
  if (process.env.npm_lifecycle_event === undefined) return;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    process.kill(process.pid, 'SIGTERM');
  }, pollMs);
  timer.unref();
  // A signal that came directly is enough: the gateway takes a second one for "at once".
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => clearInterval(timer));
}
