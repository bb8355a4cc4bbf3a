/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * check_rows FOLDER…: our unwind rows against libdw's reading of the same files.
 *
 * Every ELF file below the folders is read twice: by unwind_table_read, and by
 * libdw (dwarf_getcfi_elf), another program by other people. At the first, the
 * middle and the last byte of every function both are asked for the rules in
 * force, and the answers must agree: where the CFA is, where the caller's rbp
 * was saved, whether this is the outermost frame.
 *
 * Where a rule is one that rows cannot say, a row without a rule is the right
 * answer. libdw must be asked for each address: the range that
 * dwarf_frame_info gives is wrong after DW_CFA_restore_state. It refuses a
 * DW_CFA_def_cfa_register that follows an expression, as DWARF 5 §6.4.2.2 does;
 * libgcrypt's assembly has two, binutils and we read them: such are counted.
 */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <ftw.h>
#include <gelf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/eh_frame.h"

#define SHOWN 40 /* differences printed; the rest is counted */
#define RBP 6	 /* System V ABI, AMD64 supplement, figure 3.36: DWARF register numbers */
#define RSP 7
#define RETURN_ADDRESS 16

static struct {
	size_t files, skipped, functions, addresses, inexpressible, refused, differences;
} count;

struct file {
	const char *path;
	struct unwind_table table;
	Elf *elf;
	Dwarf_CFI *cfi;
	GElf_Shdr header; /* of .eh_frame */
	Elf_Data *data;
};

/* A row as libdw's answer would have it; `rbp_matters` not where there is no CFA. */
struct expected {
	uint8_t cfa_kind, rbp_kind;
	int cfa, rbp;
	bool rbp_matters;
};

static void expect_offset(struct expected *expected, Dwarf_Word reg, int64_t offset)
{
	if ((reg != RSP && reg != RBP) || offset % 8 != 0 || offset / 8 > INT16_MAX ||
	    offset / 8 < INT16_MIN)
		return;
	expected->cfa_kind = reg == RSP ? UNWIND_CFA_RSP : UNWIND_CFA_RBP;
	expected->cfa = (int)(offset / 8);
}

/* ld's rule for a lazy PLT stub: rsp + 8 + ((rip & 15) >= n) * 8. */
static bool is_plt(const Dwarf_Op *ops, size_t length)
{
	static const uint8_t atoms[] = { DW_OP_breg7, DW_OP_breg16, DW_OP_lit15, DW_OP_and, 0,
					 DW_OP_ge,    DW_OP_lit3,   DW_OP_shl,	 DW_OP_plus };

	if (length != sizeof(atoms) || ops[0].number != 8 || ops[1].number != 0)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (i == 4 ? ops[i].atom < DW_OP_lit0 || ops[i].atom > DW_OP_lit31 :
			     ops[i].atom != atoms[i])
			return false;
	}
	return true;
}

static void expect_expression(struct expected *expected, const Dwarf_Op *ops, size_t length,
			      bool signal)
{
	int64_t offset = (int64_t)ops[0].number, add = length == 3 ? (int64_t)ops[2].number : 0;
	bool rsp = ops[0].atom == DW_OP_breg7, rbp = ops[0].atom == DW_OP_breg6;

	if (is_plt(ops, length)) {
		expected->cfa_kind = UNWIND_CFA_PLT;
		expected->cfa = ops[4].atom - DW_OP_lit0;
	} else if ((rsp || rbp) && length >= 2 && length <= 3 && ops[1].atom == DW_OP_deref &&
		   (length == 2 || ops[2].atom == DW_OP_plus_uconst)) {
		if (signal) {
			expected->cfa_kind = UNWIND_CFA_SIGNAL;
			expected->rbp_matters = false;
		} else if (offset % 8 == 0 && add % 8 == 0 && add / 8 < 64 && add >= 0 &&
			   offset / 8 >= INT16_MIN / 64 && offset / 8 <= INT16_MAX / 64) {
			expected->cfa_kind = rsp ? UNWIND_CFA_DEREF_RSP : UNWIND_CFA_DEREF_RBP;
			expected->cfa = (int)(offset / 8 * 64 + add / 8);
		}
	}
}

/* Is the value saved at CFA + *ret_offset? */
static bool at_cfa(const Dwarf_Op *ops, size_t length, int64_t *ret_offset)
{
	*ret_offset = length == 2 ? (int64_t)ops[1].number : 0;
	return length >= 1 && length <= 2 && ops[0].atom == DW_OP_call_frame_cfa &&
	       (length == 1 || ops[1].atom == DW_OP_plus_uconst);
}

static void expect_rbp(struct expected *expected, Dwarf_Frame *frame)
{
	Dwarf_Op memory[3], *ops;
	int64_t offset;
	size_t length;

	expected->rbp_kind = UNWIND_RBP_UNKNOWN;
	if (dwarf_frame_register(frame, RBP, memory, &ops, &length) < 0)
		return;
	if (length == 0) {
		expected->rbp_kind = ops ? UNWIND_RBP_UNKNOWN : UNWIND_RBP_SAME;
		return;
	}
	if (at_cfa(ops, length, &offset)) {
		expected->rbp_kind = UNWIND_RBP_AT_CFA;
	} else if (length == 2 && ops[0].atom == DW_OP_call_frame_cfa &&
		   ops[1].atom == DW_OP_breg6) {
		expected->rbp_kind = UNWIND_RBP_AT_RBP;
		offset = (int64_t)ops[1].number;
	}
	if (offset % 8 != 0 || offset / 8 < INT8_MIN || offset / 8 > INT8_MAX)
		expected->rbp_kind = UNWIND_RBP_UNKNOWN;
	else if (expected->rbp_kind != UNWIND_RBP_UNKNOWN)
		expected->rbp = (int)(offset / 8);
}

/* Returns false when libdw refuses the rules of `frame`. */
static bool expect(Dwarf_Frame *frame, struct expected *ret_expected)
{
	struct expected expected = { .cfa_kind = UNWIND_CFA_NONE };
	Dwarf_Op memory[3], *ops;
	Dwarf_Addr start, end;
	bool signal = false;
	int64_t offset;
	size_t length;

	if (dwarf_frame_register(frame, RETURN_ADDRESS, memory, &ops, &length) < 0)
		return false;
	*ret_expected = expected;
	if (length == 0 && ops) {
		ret_expected->cfa_kind = UNWIND_CFA_END;
		return true;
	}
	dwarf_frame_info(frame, &start, &end, &signal);
	if (!signal && (!at_cfa(ops, length, &offset) || offset != -8))
		return true;
	if (dwarf_frame_cfa(frame, &ops, &length) < 0 || length == 0)
		return false;
	expected.rbp_matters = true;
	expect_rbp(&expected, frame);
	if (length == 1 && ops[0].atom == DW_OP_bregx)
		expect_offset(&expected, ops[0].number, (int64_t)ops[0].number2);
	else
		expect_expression(&expected, ops, length, signal);
	if (expected.cfa_kind != UNWIND_CFA_NONE)
		*ret_expected = expected;
	return true;
}

/* The row in force at `vaddr`, NULL before the first. */
static const struct unwind_row *row_at(const struct unwind_table *table, uint64_t vaddr)
{
	size_t low = 0, high = table->row_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (table->rows[middle].vaddr <= vaddr)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &table->rows[low - 1] : NULL;
}

static void compare(const struct file *file, uint64_t address)
{
	static const struct unwind_row none = { .kind = UNWIND_CFA_NONE };
	const struct unwind_row *row = row_at(&file->table, address - file->table.base);
	struct expected expected;
	Dwarf_Frame *frame = NULL;
	bool understood;

	understood = dwarf_cfi_addrframe(file->cfi, address, &frame) == 0 &&
		     expect(frame, &expected);
	free(frame);
	if (!understood) {
		if (count.refused++ < SHOWN)
			printf("%s at 0x%lx: libdw says: %s\n", file->path, address,
			       dwarf_errmsg(-1));
		return;
	}
	if (!row)
		row = &none;
	count.addresses++;
	count.inexpressible += expected.cfa_kind == UNWIND_CFA_NONE;
	if ((row->kind & 15) == expected.cfa_kind && row->cfa == expected.cfa &&
	    (!expected.rbp_matters ||
	     (row->kind >> 4 == expected.rbp_kind && row->rbp == expected.rbp)))
		return;
	if (count.differences++ < SHOWN)
		printf("%s at 0x%lx: row cfa %d/%d rbp %d/%d, libdw cfa %d/%d rbp %d/%d\n",
		       file->path, address, row->kind & 15, row->cfa, row->kind >> 4, row->rbp,
		       expected.cfa_kind, expected.cfa, expected.rbp_kind, expected.rbp);
}

/*
 * A pointer of a function description: `encoding` as the CIE has it (LSB 5.0 Core,
 * 10.5.1). Returns false for a kind that compilers do not use.
 */
static bool read_pointer(const struct file *file, uint8_t encoding, const uint8_t **at,
			 const uint8_t *end, uint64_t *ret_value)
{
	size_t size = (encoding & 7) == DW_EH_PE_udata4 ? 4 : 8;
	uint64_t place = file->header.sh_addr + (*at - (const uint8_t *)file->data->d_buf);
	uint32_t half;

	if ((encoding & 0x70) != DW_EH_PE_pcrel && (encoding & 0x70) != DW_EH_PE_absptr)
		return false;
	if (((encoding & 7) != 0 && (encoding & 7) != 3 && (encoding & 7) != 4) ||
	    (size_t)(end - *at) < size)
		return false;
	memcpy(&half, *at, sizeof(half));
	*ret_value = encoding & DW_EH_PE_signed ? (uint64_t)(int64_t)(int32_t)half : half;
	if (size == 8)
		memcpy(ret_value, *at, 8);
	if ((encoding & 0x70) == DW_EH_PE_pcrel)
		*ret_value += place;
	*at += size;
	return true;
}

/* The encoding of addresses: what "R" in the augmentation stands for. */
static bool pointer_encoding(const Dwarf_CIE *cie, uint8_t *ret_encoding)
{
	const uint8_t *data = cie->augmentation_data;
	size_t left = cie->augmentation_data_size;

	*ret_encoding = DW_EH_PE_absptr;
	if (cie->augmentation[0] != 'z')
		return cie->augmentation[0] == '\0';
	for (const char *letter = cie->augmentation + 1; *letter && left; letter++) {
		size_t size = 1;

		if (*letter == 'R') {
			*ret_encoding = *data;
			return true;
		}
		if (*letter == 'P')
			size += (*data & 7) == 0 || (*data & 7) == DW_EH_PE_udata8 ? 8 :
				(*data & 7) == DW_EH_PE_udata4			   ? 4 :
										     2;
		else if (*letter != 'L')
			continue;
		if (size > left)
			return false;
		data += size;
		left -= size;
	}
	return true;
}

static void compare_function(const struct file *file, const unsigned char *ident,
			     const Dwarf_FDE *fde)
{
	const uint8_t *at = fde->start;
	uint64_t start, length;
	Dwarf_CFI_Entry entry;
	uint8_t encoding;
	Dwarf_Off next;

	if (dwarf_next_cfi(ident, file->data, true, fde->CIE_pointer, &next, &entry) != 0 ||
	    !dwarf_cfi_cie_p(&entry) || !pointer_encoding(&entry.cie, &encoding) ||
	    !read_pointer(file, encoding, &at, fde->end, &start) ||
	    !read_pointer(file, encoding & 7, &at, fde->end, &length)) {
		count.refused++;
		return;
	}
	/* Address 0: a function that the linker threw away. */
	if (length == 0 || start == 0)
		return;
	count.functions++;
	compare(file, start);
	if (length > 2)
		compare(file, start + length / 2);
	if (length > 1)
		compare(file, start + length - 1);
}

static void compare_functions(struct file *file)
{
	const unsigned char *ident = (const unsigned char *)elf_getident(file->elf, NULL);
	Dwarf_Off offset = 0, next;
	Dwarf_CFI_Entry entry;
	int r;

	for (;; offset = next) {
		r = dwarf_next_cfi(ident, file->data, true, offset, &next, &entry);
		if (r > 0)
			return;
		if (r == 0 && !dwarf_cfi_cie_p(&entry))
			compare_function(file, ident, &entry.fde);
		else if (r < 0 && (next == offset || next == (Dwarf_Off)-1))
			return;
	}
}

/* .eh_frame by its name (its type differs), with content. */
static bool find_eh_frame(struct file *file)
{
	Elf_Scn *section = NULL;
	size_t strings;

	if (elf_getshdrstrndx(file->elf, &strings) < 0)
		return false;
	while ((section = elf_nextscn(file->elf, section))) {
		const char *name;

		if (!gelf_getshdr(section, &file->header))
			continue;
		name = elf_strptr(file->elf, strings, file->header.sh_name);
		if (name && !strcmp(name, ".eh_frame") && file->header.sh_type != SHT_NOBITS) {
			file->data = elf_rawdata(section, NULL);
			return file->data && file->data->d_size > 0;
		}
	}
	return false;
}

static int visit(const char *path, const struct stat *status, int type, struct FTW *place)
{
	struct file file = { .path = path };
	char magic[4];
	int fd;

	(void)place;
	if (type != FTW_F || !S_ISREG(status->st_mode))
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (pread(fd, magic, sizeof(magic), 0) != sizeof(magic) || memcmp(magic, ELFMAG, SELFMAG)) {
		close(fd);
		return 0;
	}
	file.elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (file.elf && unwind_table_read(fd, &file.table) == 0 && find_eh_frame(&file) &&
	    (file.cfi = dwarf_getcfi_elf(file.elf))) {
		count.files++;
		compare_functions(&file);
	} else {
		count.skipped++;
	}
	if (file.cfi)
		dwarf_cfi_end(file.cfi);
	unwind_table_free(&file.table);
	elf_end(file.elf);
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	elf_version(EV_CURRENT);
	for (int i = 1; i < argc; i++) {
		if (nftw(argv[i], visit, 32, FTW_PHYS | FTW_MOUNT) != 0)
			return 2;
	}
	printf("rows: %zu files (%zu without: objects, debug files, other machines), "
	       "%zu functions, %zu addresses compared, %zu of them with a rule that rows cannot "
	       "say, %zu refused by libdw, %zu differences\n",
	       count.files, count.skipped, count.functions, count.addresses, count.inexpressible,
	       count.refused, count.differences);
	return count.addresses == 0 || count.differences ? 1 : 0;
}
