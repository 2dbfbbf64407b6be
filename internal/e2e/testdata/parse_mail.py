"""Reads mails with Python's own parser, which knows nothing of ours, under its strict policy: any defect is an error.
For each file named by an argument, in this order, it prints a line of JSON with what a reader's program would see."""

import email
import email.policy
import json
import sys

policy = email.policy.strict.clone(max_line_length=998)


def read(path):
    with open(path, "rb") as file:
        raw = file.read()
    assert b"\n" not in raw.replace(b"\r\n", b""), "a line does not end with CRLF"
    assert all(len(line) <= 998 for line in raw.split(b"\r\n")), "a line has more than 998 bytes"
    raw.decode("ascii")
    mail = email.message_from_bytes(raw, policy=policy)
    defects, parts, texts = [], [], {}
    for part in mail.walk():
        defects += [repr(d) for d in part.defects]
        for name in part.keys():
            header = part[name]
            defects += [f"{name}: {d!r}" for d in getattr(header, "defects", ())]
        if part.is_multipart():
            continue
        content = part.get_content()
        kind = part.get_content_type()
        parts.append([kind, part.get_content_disposition() or "", part.get_filename() or "", len(content)])
        if kind.startswith("text/") and not part.is_attachment():
            texts[kind] = content
    mail.as_bytes()  # what was read can be written
    for name in ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version"):
        assert len(mail.get_all(name, [])) == 1, f"{name} is not there once"
    return {
        "subject": mail["Subject"],
        "from": [[a.display_name, a.addr_spec] for a in mail["From"].addresses],
        "to": [[a.display_name, a.addr_spec] for a in mail["To"].addresses],
        "reply_to": [a.addr_spec for a in mail["Reply-To"].addresses] if mail["Reply-To"] else [],
        "list_id": str(mail["List-Id"] or ""),
        "list_unsubscribe": str(mail["List-Unsubscribe"] or ""),
        "list_unsubscribe_post": str(mail["List-Unsubscribe-Post"] or ""),
        "parts": parts,
        "text": texts.get("text/plain", ""),
        "html": texts.get("text/html", ""),
        "defects": defects,
    }


for name in sys.argv[1:]:
    print(json.dumps(read(name)))
