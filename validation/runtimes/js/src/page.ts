// The page: holds a realm for each engine and backend, of which one at a time asks the server for jobs.
//
//   GET  job       a frame, or 204 when there is none yet
//   POST result    the frame that answers it
//   GET  alive     never answered; the connection ends with the page, so that a crash is seen at once

/** Which realm is the next to serve; `alone`: the others go, with their memory. */
export interface Switch {
  realm: string;
  alone: boolean;
}

declare global {
  interface Window {
    serve: () => Promise<Switch | null>;
  }
}

const realms = new Map<string, HTMLIFrameElement>();

async function realmOf({realm, alone}: Switch): Promise<Window> {
  for (const [name, frame] of realms) {
    if (!alone || name === realm) continue;
    frame.remove();
    realms.delete(name);
  }
  const frame = realms.get(realm) ?? await load();
  realms.set(realm, frame);
  return frame.contentWindow!;
}

/** Jobs pass through the page itself never: a typed array of one realm is none in another. */
function load(): Promise<HTMLIFrameElement> {
  const frame = document.createElement('iframe');
  frame.src = 'realm.html';
  return new Promise(resolve => {
    frame.onload = () => resolve(frame);
    document.body.append(frame);
  });
}

void fetch('alive').catch(() => undefined);
let next: Switch | null = {realm: '', alone: false};
while (next !== null) next = await (await realmOf(next)).serve();
