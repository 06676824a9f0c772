// Unpack the campaigns of the page: the format is described in sim/explorable/encoding.py.

const LENGTH = 4; // bytes that give the length of the JSON

// The bytes behind base64 text that was deflated (zlib).
export async function inflate(base64) {
  const packed = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// A function that returns the next variable-length integer of the bytes from `place` on.
export function reader(bytes, place) {
  return () => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[place++];
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
}

// One campaign: its changes of holder, its nights with crossings, and two daily series.
export function readCampaign(next, about) {
  const { days, districts, posts } = about;
  const changes = new Int32Array(next());
  const held = new Int16Array(days);
  for (let row = 0, position = 0; row < changes.length; row++) {
    const coded = next();
    position += coded >> 1;
    changes[row] = coded & 1 ? -position - 1 : position + 1;
    held[Math.floor(position / districts)] += coded & 1 ? -1 : 1;
  }
  for (let day = 1; day < days; day++) held[day] += held[day - 1];
  const nights = [];
  const crossed = new Int32Array(days);
  for (let left = next(), position = 0; left > 0; left--) {
    position += next();
    const soldiers = next();
    const day = Math.floor(position / posts);
    nights.push({ day, post: position % posts, soldiers });
    crossed[day] += soldiers;
  }
  for (let day = 1; day < days; day++) crossed[day] += crossed[day - 1];
  return { changes, held, nights, crossed };
}

// The description of the page, and campaigns[worlds][decision][seed].
export async function unpack(base64) {
  const bytes = await inflate(base64);
  const end = LENGTH + new DataView(bytes.buffer).getUint32(0, true);
  const about = JSON.parse(new TextDecoder().decode(bytes.subarray(LENGTH, end)));
  const next = reader(bytes, end);
  const campaigns = about.worlds.map(() => about.decisions.map(() => []));
  for (const worlds of campaigns)
    for (const _ of about.seeds) for (const cell of worlds) cell.push(readCampaign(next, about));
  return { about, campaigns };
}

// Which districts are held at the end of a day.
export function holders(campaign, day, districts) {
  const held = new Uint8Array(districts);
  const end = (day + 1) * districts;
  for (const change of campaign.changes) {
    const position = Math.abs(change) - 1;
    if (position >= end) break;
    held[position % districts] = change > 0 ? 1 : 0;
  }
  return held;
}

// A quantile of numbers, interpolated as NumPy does.
export function quantile(numbers, share) {
  const sorted = Float64Array.from(numbers).sort();
  const place = share * (sorted.length - 1);
  const low = Math.floor(place);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (sorted[high] - sorted[low]) * (place - low);
}

// For each seed, the districts held on the last day with a decision minus those without it.
export function differences(worlds, decision) {
  const last = (campaign) => campaign.held[campaign.held.length - 1];
  return worlds[decision].map((campaign, seed) => last(campaign) - last(worlds[0][seed]));
}
