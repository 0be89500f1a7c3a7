// Creates events: a snapshot of an object at that moment, in the shape of the event's API version.
import { API_VERSION, rendered } from "./versions.mjs";

/** The fields of a control's body that say how its events are created and delivered. */
export const EVENT_OPTIONS = ["api_version", "livemode", "deliver", "repeat", "sign", "pad"];

/** Stores the event and passes it to the deliveries; `done` resolves when they are finished with it. */
export function emit(
  world,
  type,
  object,
  { account, previous, request, api_version = API_VERSION, livemode = false, pad = 0, ...delivery } = {},
) {
  const { store } = world;
  const shape = { ...rendered(store, object, api_version), ...(livemode && { livemode }), ...(pad > 0 && { padding: "x".repeat(pad) }) };
  const event = store.put("event", {
    id: store.nextId("evt"),
    object: "event",
    ...(account && { account }),
    api_version,
    created: store.now(),
    data: {
      object: shape,
      ...(previous && { previous_attributes: previous }),
    },
    livemode,
    pending_webhooks: 1,
    request: request ?? { id: null, idempotency_key: null },
    type,
  });
  return { event, done: world.deliveries.take(event, delivery) };
}

/** A thin event: ids alone, and no version. With `hidden` only Stripe's own copy of it names its object. */
export function emitThin(world, type, related, { hidden = false, livemode = false, deliver, repeat, sign } = {}) {
  const { store } = world;
  const event = {
    id: store.nextId("evt"),
    object: "v2.core.event",
    context: null,
    created: new Date(store.now() * 1000).toISOString(),
    livemode,
    reason: null,
    related_object: related,
    type,
  };
  store.put("v2.core.event", event);
  store.put("event", hidden ? { ...event, related_object: null } : event);
  return { event, done: world.deliveries.take(event, { deliver, repeat, sign }) };
}

/** The event as the API shows it, after its deliveries. */
export function shown(world, event) {
  const state = world.store.deliveries.get(event.id)?.state ?? "no_endpoint";
  return { ...event, pending_webhooks: state === "pending" || state === "failed" ? 1 : 0 };
}
