// Puts a tag into a page of the site while it streams through. Pieces of a page, which its scripts fetch, stay as they
// are, and so does a page that has the tag, or is in an encoding that the runtime does not rewrite.
export function with_tag(response, tag) {
  let isPage = false;
  let isDone = false;
  const page = () => (isPage = true);
  const put = (place) => {
    if (isPage && !isDone) place(tag, { html: true });
    isDone = true;
  };
  const rewriter = new HTMLRewriter()
    .onDocument({
      doctype: page,
      // A page may leave out the end of its body.
      end: (end) => put((text, kind) => end.append(text, kind)),
    })
    .on("html", { element: page })
    .on('script[src*="/manicule/site."]', { element: () => void (isDone = true) })
    .on("body", { element: (body) => body.onEndTag((end) => put((text, kind) => end.before(text, kind))) });
  let own;
  try {
    own = rewriter.transform(response);
  } catch {
    return response;
  }
  own = new Response(own.body, own);
  // They are of the page without the tag.
  for (const name of ["etag", "content-length", "last-modified", "accept-ranges", "content-md5", "digest", "repr-digest", "content-digest"]) own.headers.delete(name);
  return own;
}
