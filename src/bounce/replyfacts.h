/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replyfacts - what stands in the text of an SMTP reply: codes, addresses, domains, links
 *
 * Takes a reply as reports quote it: lines of a multi-line reply joined or not, with their codes repeated in the middle
 * ("550-5.7.1 Our system has 550-5.7.1 detected"), with words of the reporting program before it. Pure; any thread.
 */
#ifndef BACKSTOP_BOUNCE_REPLYFACTS_H
#define BACKSTOP_BOUNCE_REPLYFACTS_H

#include "base/arena.h"
#include "base/endpoint.h"
#include "bounce/statuscode.h"

#define REPLYFACTS_OCTETS    16384 /* of a text that are read */
#define REPLYFACTS_ADDRESSES 8
#define REPLYFACTS_DOMAINS   8
#define REPLYFACTS_LINKS     6
#define REPLYFACTS_SENDERS   4

struct replyfacts {
	struct slice raw;                          /* blanks and line ends made one blank, case kept */
	struct slice text;                         /* normalised (bounce/phrases.h), repeated codes taken out */
	unsigned code;                             /* 550; 0: none */
	struct statuscode status;                  /* the one that says most; class 0: none */
	struct ip addresses[REPLYFACTS_ADDRESSES]; /* in order, without 127.0.0.0/8 */
	struct slice domains[REPLYFACTS_DOMAINS];  /* not of mail addresses, nor within links */
	struct slice links[REPLYFACTS_LINKS];
	struct slice
		asked[REPLYFACTS_SENDERS]; /* domains of mail addresses, or that a link asks about (/domain/NAME) */
	size_t address_count, domain_count, link_count, asked_count;
};

/* False when the arena is exhausted. */
bool replyfacts_read(struct arena *a, struct slice reply, struct replyfacts *out);

/* Drops the addresses that the reporting program gives for the refusing server: host's ("host mx.example.net [192.0.2.5] said",
 * "connect to mx.example.net[192.0.2.5]:25"). "Client host mx.example.org[192.0.2.9] rejected" is the refused one and stays. */
void replyfacts_forget_server(struct replyfacts *f, struct slice host);

#endif
