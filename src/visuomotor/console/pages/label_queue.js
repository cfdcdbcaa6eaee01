// What was said and is not on disk yet: sent one after the other, again and again until it is.
const RETRY_MS = 1000;
const waiting = [];
let busy = false, told = () => {}, silence = () => {};

// told(reply): after each answer; silence(n): n wait and nobody answers, 0: all is well again.
export function begin(onReply, onSilence) {
  [told, silence] = [onReply, onSilence];
  addEventListener("beforeunload", (event) => { if (waiting.length) event.preventDefault(); });
}

export function send(path, values) {
  waiting.push({ path, values });
  if (!busy) pump();
  else if (waiting.length > 1) document.body.dataset.waiting = waiting.length;
}

async function pump() {
  busy = true;
  while (waiting.length) {
    document.body.dataset.waiting = waiting.length;
    const { path, values } = waiting[0];
    let reply = null;
    try {
      const answer = await fetch(path, {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(values),
      });
      if (answer.status === 503) throw new Error("it is stopping");
      reply = await answer.json();
    } catch { // it stopped, or is being started again: what was said is kept here
      silence(waiting.length);
      await new Promise((later) => setTimeout(later, RETRY_MS));
      continue;
    }
    waiting.shift();
    silence(0);
    told(reply, values);
  }
  document.body.dataset.waiting = 0;
  busy = false;
}
