/* SPDX-License-Identifier: Apache-2.0 */
/*
 * db_files - the folders and files under an environment
 *
 * Used by db.c only. Makes the folders, makes the files of LMDB with the right owner before LMDB opens them (the command line
 * may run as root while the relay runs as its own user: what root makes belongs to the owner of state-dir), and throws away a
 * ledger that a crash of the machine may have left half-written.
 */
#ifndef BACKSTOP_STORE_DB_FILES_H
#define BACKSTOP_STORE_DB_FILES_H

#include "store/db.h"

/* Makes STATE_DIR, STATE_DIR/NAME and its data.mdb, lock.mdb and changes where they are missing, and syncs the folders so that the
 * names survive a crash. Refuses files that are symbolic links. */
enum error db_files_prepare(const char *state_dir, const char *name, char why[256]);
/* A folder inside the environment's ("bodies"). */
enum error db_files_make_folder(const char *parent, const char *name, char why[256]);
/* For an environment that is not synced: when the last writer's boot is not this one its files are emptied, since pages may
 * have reached the disk in any order. Notes this boot in FOLDER/boot. */
enum error db_files_check_boot(const char *folder, char why[256]);
/* Octets of a new environment's map; 0: what db.c has for it. Tests make it small, to see it grow. */
extern size_t db_first_map_size;
/* A clean close: everything is on disk, the note goes. */
void db_files_clean_close(const char *folder);

#endif
