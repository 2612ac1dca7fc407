
"use strict";
// Searches the number whose digits behind the puzzle make SHA-256 (FIPS 180-4) begin with enough zero bits. Written out,
// for SubtleCrypto is there over TLS alone and answers one hash at a time. The puzzle is one block, hashed once.
(function () {
  const terms = document.currentScript.dataset;
  const difficulty = Number(terms.difficulty);
  const form = document.getElementById("answer");
  const state = document.getElementById("state");
  const waiting = document.getElementById("waiting");
  const done = document.getElementById("done");
  waiting.hidden = true;
  document.getElementById("shown").hidden = false;

  // The fractional parts of the roots of the first primes.
  const K = new Int32Array(64), START = new Int32Array(8), W = new Int32Array(64);
  for (let found = 0, number = 2; found < 64; number++) {
    let prime = true;
    for (let by = 2; by * by <= number; by++) if (number % by === 0) prime = false;
    if (!prime) continue;
    const fraction = (root) => ((root - Math.floor(root)) * 4294967296) | 0;
    if (found < 8) START[found] = fraction(Math.sqrt(number));
    K[found++] = fraction(Math.cbrt(number));
  }

  function compress(into, from) {
    for (let i = 16; i < 64; i++) {
      const x = W[i - 15], y = W[i - 2];
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      W[i] = (W[i - 16] + s0 + W[i - 7] + s1) | 0;
    }
    let a = from[0], b = from[1], c = from[2], d = from[3], e = from[4], f = from[5], g = from[6], h = from[7];
    for (let i = 0; i < 64; i++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[i] + W[i]) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + t1) | 0; d = c; c = b; b = a; a = (t1 + t2) | 0;
    }
    into[0] = from[0] + a; into[1] = from[1] + b; into[2] = from[2] + c; into[3] = from[3] + d;
    into[4] = from[4] + e; into[5] = from[5] + f; into[6] = from[6] + g; into[7] = from[7] + h;
  }

  // Puts a text of at most one block into the words.
  function place(text) {
    W.fill(0, 0, 16);
    for (let i = 0; i < text.length; i++) W[i >> 2] |= text.charCodeAt(i) << (24 - 8 * (i & 3));
  }

  const puzzle = form.elements.puzzle.value;
  const middle = new Int32Array(8), hash = new Int32Array(8);
  place(puzzle);
  compress(middle, START);

  function solves(number) {
    const digits = String(number);
    place(digits + "\x80");
    W[15] = (puzzle.length + digits.length) * 8;
    compress(hash, middle);
    return Math.clz32(hash[0]) >= difficulty;
  }

  let next = 0;
  function search() {
    // A pause now and then lets the page be read and left.
    for (const until = performance.now() + 40; performance.now() < until;) {
      for (let i = 0; i < 256; i++) {
        if (solves(next)) return send(String(next));
        next++;
      }
    }
    done.value = 100 * (1 - Math.pow(2, -next / Math.pow(2, difficulty)));
    setTimeout(search, 0);
  }

  async function send(solution) {
    done.value = 100;
    const body = new URLSearchParams({ puzzle, back: form.elements.back.value, solution });
    try {
      const answer = await fetch(form.action, { method: "POST", body, redirect: "manual", credentials: "same-origin" });
      // A redirect that is not followed shows no more than that; its cookie is set.
      if (answer.type !== "opaqueredirect") return fail();
    } catch {
      return fail();
    }
    const back = form.elements.back.value;
    if (back === location.pathname + location.search) location.reload(); else location.replace(back);
  }

  function fail() {
    state.textContent = "That did not work. Please wait " + terms.wait + " seconds, then press the button.";
    waiting.hidden = false;
    waiting.querySelector("p").hidden = true;
  }

  setTimeout(search, 0);
})();
